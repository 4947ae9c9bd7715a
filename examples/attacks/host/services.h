/* The host's own code that deals with a tenant's results: each trusts what a careless host would. */
#ifndef SERVICES_H
#define SERVICES_H

#include <stdint.h>

int write_through_result(uint32_t target);
int index_by_result(uint32_t target);
int rely_on_registers(uint32_t target);

#endif
