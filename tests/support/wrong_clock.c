// The wall clock is off by as many seconds as BHYT_CLOCK_OFFSET says; the machine's running time is right.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    const char *offset = getenv("BHYT_CLOCK_OFFSET");
    int outcome = (int)syscall(SYS_clock_gettime, clock, at);
    if (!outcome && clock == CLOCK_REALTIME && offset) at->tv_sec += atoll(offset);
    return outcome;
}
