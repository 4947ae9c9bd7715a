/* A tokenizer of C-like text written as one big switch, and a table-driven machine that checks number formats. */
#include "bench.h"

enum state { START, WORD, NUMBER, HEX, FRACTION, STRING, ESCAPE, SLASH, COMMENT, STAR, LINE, OPERATOR, SPACE, BAD };
enum { KINDS = 14, ROUNDS = 3 };

struct token {
    uint16_t start, length;
    uint8_t kind;
};

static struct token tokens[600];
static unsigned counts[KINDS];

static int is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static enum state first(int c)
{
    if (is_letter(c)) {
        return WORD;
    }
    if (is_digit(c)) {
        return NUMBER;
    }
    switch (c) {
    case ' ': case '\n': case '\t':
        return SPACE;
    case '"':
        return STRING;
    case '/':
        return SLASH;
    case '+': case '-': case '*': case '(': case ')': case '{': case '}': case ';': case ',': case '=': case '.':
    case '<': case '>':
        return OPERATOR;
    default:
        return BAD;
    }
}

/* The next state, or START where the token has ended before c. */
static enum state step(enum state state, int c)
{
    switch (state) {
    case START:
        return first(c);
    case WORD:
        return is_letter(c) || is_digit(c) ? WORD : START;
    case NUMBER:
        return is_digit(c) ? NUMBER : c == 'x' ? HEX : c == '.' ? FRACTION : START;
    case HEX:
        return is_digit(c) || (c >= 'a' && c <= 'f') ? HEX : START;
    case FRACTION:
        return is_digit(c) ? FRACTION : START;
    case STRING:
        return c == '\\' ? ESCAPE : c == '"' ? OPERATOR : STRING;
    case ESCAPE:
        return STRING;
    case SLASH:
        return c == '*' ? COMMENT : c == '/' ? LINE : START;
    case COMMENT:
        return c == '*' ? STAR : COMMENT;
    case STAR:
        return c == '/' ? OPERATOR : c == '*' ? STAR : COMMENT;
    case LINE:
        return c == '\n' ? START : LINE;
    case SPACE:
        return c == ' ' || c == '\n' || c == '\t' ? SPACE : START;
    case OPERATOR: case BAD:
        return START;
    }
    return START;
}

static unsigned tokenize(const unsigned char *text, unsigned size)
{
    unsigned count = 0, start = 0;
    enum state state = START;
    for (unsigned n = 0; n < size && count < sizeof tokens / sizeof *tokens; n++) {
        const enum state next = step(state, text[n]);
        if (next != START) {
            state = next;
            continue;
        }
        struct token *token = &tokens[count++];
        token->start = (uint16_t)start;
        token->length = (uint16_t)(n - start);
        token->kind = (uint8_t)state;
        counts[state]++;
        start = n;
        state = first(text[n]);
    }
    return count;
}

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned total = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        total += tokenize(input + round * 16, size - round * 16);
    }
    memcpy(output, counts, sizeof counts);
    memcpy(output + sizeof counts, tokens, capacity - sizeof counts < sizeof tokens ? capacity - sizeof counts : sizeof tokens);
    return total;
}
