/* Lua runs a script: tables, closures, strings, recursion, garbage collection.
 *
 * Lua's error handling is setjmp and longjmp, which a sandbox cannot have: built with LUAI_THROW as a trap and LUAI_TRY
 * as a plain block, so an error in a script ends the sandbox instead of reaching pcall. Labels as values (ljumptab.h)
 * are off too, as on any compiler but gcc.
 */
#include <stdlib.h>

#include "bench.h"
#include "lauxlib.h"
#include "lua.h"

static const char script[] =
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
    "local t = {}\n"
    "for i = 1, 60 do t[i] = (i * 7919) % 101 end\n"
    "for i = 2, #t do local v, j = t[i], i - 1\n"
    "  while j > 0 and t[j] > v do t[j + 1] = t[j]; j = j - 1 end\n"
    "  t[j + 1] = v end\n"
    "local words, s = {}, ''\n"
    "for i = 1, 40 do local k = 'w' .. (i % 7); words[k] = (words[k] or 0) + i; s = s .. k end\n"
    "local point = setmetatable({x = 1}, {__index = function(_, k) return #k end})\n"
    "local sum = fib(10) + t[1] + t[60] + words.w3 + #s + point.x + point.missing\n"
    "local count = 0\n"
    "for i = 1, 50 do local f = function() count = count + i end f() end\n"
    "return sum + count // 3 + (count & 0xff)\n";

static void *allocate(void *unused, void *block, size_t old, size_t size)
{
    (void)unused, (void)old;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static int set_metatable(lua_State *lua)
{
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    (void)input, (void)size, (void)output, (void)capacity;
    lua_State *lua = lua_newstate(allocate, NULL);
    if (lua == NULL || luaL_loadbufferx(lua, script, sizeof script - 1, "script", "t") != LUA_OK) {
        return 0;
    }
    lua_pushcfunction(lua, set_metatable);
    lua_setglobal(lua, "setmetatable");
    lua_call(lua, 0, 1);
    const unsigned result = (unsigned)lua_tointeger(lua, -1);
    lua_gc(lua, LUA_GCCOLLECT);
    lua_close(lua);
    return result;
}
