#pragma once

#include <libmemcached/memcached.h>

/// Tells the processor that this thread is waiting for another one's write.
static inline void http_cache_spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

#ifdef __linux__
#include <pthread.h>
// Declared by <pthread.h> only for programs that define _GNU_SOURCE, which Swift's importer does not.
int pthread_setname_np(pthread_t thread, const char *name);
#endif
