/* Keeps the memory of the process near what it uses.
 *
 * glibc takes blocks over 128 KiB from the system and gives them back when they are freed, but it
 * raises that limit to the size of each such block that it sees freed, up to 32 MiB. After one
 * password hash (19 MiB) or one large picture, all later ones come from the heaps of the threads,
 * which grow and stay: measured, 99 MiB instead of 42 after a group had been flooded. Setting the
 * limit, even to its default, keeps it where it is. Elsewhere than glibc there is nothing to do.
 */
#if defined(__GLIBC__) || defined(__linux__)
#include <features.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>

__attribute__((constructor)) static void morelia_allocator(void) {
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}
#endif
