/* Strong fault handlers for firmware whose own are absent or weak. For each handler that the host defines itself
 * (strong), compile this file with -DRINGFENCE_HOST_HAS_<handler>; the host's must then begin with
 * RINGFENCE_FAULT_ENTRY. */
#include "ringfence.h"

#define HANDLER(name)               \
    void name(void);                \
    void name(void)                 \
    {                               \
        if (!ringfence_fault())     \
            ringfence_host_fault(); \
    }

#ifndef RINGFENCE_HOST_HAS_HardFault_Handler
HANDLER(HardFault_Handler)
#endif
#ifndef RINGFENCE_HOST_HAS_MemManage_Handler
HANDLER(MemManage_Handler)
#endif
#ifndef RINGFENCE_HOST_HAS_BusFault_Handler
HANDLER(BusFault_Handler)
#endif
#ifndef RINGFENCE_HOST_HAS_UsageFault_Handler
HANDLER(UsageFault_Handler)
#endif
