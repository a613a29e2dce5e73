//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// Counts allocations by standing in for malloc and its kin. The symbols of an executable come ahead of those of the
// shared libraries it loads, so the Swift runtime's and Foundation's calls arrive here too; glibc's own names for the
// real functions do the work.
#include "CAllocationCounter.h"

#include <stddef.h>

void look_at(const void *value) { (void)value; }

#if defined(__GLIBC__)
#include <errno.h>
#include <malloc.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t count;
static _Atomic uint64_t bytes;

static void note(size_t size) {
  __atomic_fetch_add((uint64_t *)&count, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add((uint64_t *)&bytes, size, __ATOMIC_RELAXED);
}

void *malloc(size_t size) { note(size); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { note(number * size); return __libc_calloc(number, size); }
void *realloc(void *memory, size_t size) { note(size); return __libc_realloc(memory, size); }
void *memalign(size_t alignment, size_t size) { note(size); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { note(size); return __libc_memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  note(size);
  void *result = __libc_memalign(alignment, size);
  if (result == NULL) return ENOMEM;
  *memory = result;
  return 0;
}

uint64_t allocation_count(void) { return __atomic_load_n((uint64_t *)&count, __ATOMIC_RELAXED); }
uint64_t allocation_bytes(void) { return __atomic_load_n((uint64_t *)&bytes, __ATOMIC_RELAXED); }
int allocations_are_counted(void) { return 1; }

uint64_t bytes_in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void trim_heap(void) { malloc_trim(0); }
#else
uint64_t allocation_count(void) { return 0; }
uint64_t allocation_bytes(void) { return 0; }
int allocations_are_counted(void) { return 0; }
uint64_t bytes_in_use(void) { return 0; }
void trim_heap(void) {}
#endif
