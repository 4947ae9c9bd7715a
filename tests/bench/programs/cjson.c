/* cJSON: parses a document, changes it, prints it with and without formatting. */
#include "bench.h"
#include "cJSON.h"

extern int _printf_float, _scanf_float; /* newlib-nano links them only when they are asked for */
static int *const volatile asked_for[] = {&_printf_float, &_scanf_float};

static const char document[] =
    "{\"name\":\"ringfence\",\"version\":[0,1,0],\"limits\":{\"window\":65536,\"ratio\":0.125,\"e\":-1.5e-3},"
    "\"tags\":[\"sfi\",\"arm\",\"caf\\u00e9\",\"line\\nbreak\"],\"on\":true,\"off\":false,\"none\":null,"
    "\"sensors\":[{\"id\":1,\"t\":[20.5,20.25,21,22.75]},{\"id\":2,\"t\":[19.5,18.25,17,16.125]},"
    "{\"id\":3,\"t\":[1,2,3,5,8,13,21,34,55,89]}],\"empty\":{},\"list\":[]}";

unsigned bench(const unsigned char *input, unsigned size, unsigned char *output, unsigned capacity)
{
    unsigned sum = 0;
    (void)input, (void)size, (void)asked_for[0];
    for (int round = 0; round < 3; round++) {
        cJSON *root = cJSON_Parse(document);
        cJSON *sensors = cJSON_GetObjectItemCaseSensitive(root, "sensors");
        cJSON *sensor, *added = cJSON_AddArrayToObject(root, "averages");
        cJSON_ArrayForEach(sensor, sensors) {
            cJSON *value;
            double total = 0;
            cJSON_ArrayForEach(value, cJSON_GetObjectItem(sensor, "T")) {
                total += cJSON_GetNumberValue(value);
            }
            cJSON_AddItemToArray(added, cJSON_CreateNumber(total + round));
        }
        char *text = round & 1 ? cJSON_Print(root) : cJSON_PrintUnformatted(root);
        if (text == NULL) {
            return 0;
        }
        for (const char *at = text; *at; at++) {
            sum = sum * 31 + (unsigned char)*at;
        }
        strncpy((char *)output, text, capacity - 1);
        cJSON_free(text);
        cJSON_Delete(root);
    }
    return sum;
}
