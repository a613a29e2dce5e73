#pragma once

#include <libmemcached/memcached.h>

#ifdef __linux__
#include <pthread.h>
// Declared by <pthread.h> only for programs that define _GNU_SOURCE, which Swift's importer does not.
int pthread_setname_np(pthread_t thread, const char *name);
#endif
