/* The host's main part, as its other files see it. */
#ifndef HOST_H
#define HOST_H

/* What an attacker would like to run: it opens the valve, say. Ends the program. */
_Noreturn void take_over(void);

#endif
