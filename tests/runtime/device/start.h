#ifndef START_H
#define START_H

#include <stdint.h>

void print(const char *text);
void print_hex(uint32_t value);
void finish(int code) __attribute__((noreturn));
const char *scenario(void);
int host_main(void);
void HardFault_Handler(void);
void MemManage_Handler(void);
void BusFault_Handler(void);
void UsageFault_Handler(void);
void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);

#endif
