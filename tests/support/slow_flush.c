// Flushes take as many milliseconds longer as the file named by BHYT_SLOW_FLUSH says; none while there is no such file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    const char *path = getenv("BHYT_SLOW_FLUSH");
    FILE *file = path ? fopen(path, "r") : NULL;
    unsigned millis = 0;
    if (!file) return;
    if (fscanf(file, "%u", &millis) != 1) millis = 0;
    fclose(file);
    if (millis) usleep(millis * 1000);
}

int fsync(int fd) {
    wait_for_the_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    wait_for_the_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
