//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef C_ALLOCATION_COUNTER_H
#define C_ALLOCATION_COUNTER_H

#include <stdint.h>

/// How many allocations this process has made so far, on all threads; zero where they cannot be counted.
uint64_t allocation_count(void);

/// How many bytes it has asked for with them.
uint64_t allocation_bytes(void);

/// Whether allocations can be counted on this platform.
int allocations_are_counted(void);

/// Does nothing with `value`, which no compiler of the caller can know.
void look_at(const void *value);

/// How many bytes of memory are in use on the heap; zero where the allocator does not say.
uint64_t bytes_in_use(void);

/// Gives back to the operating system what the allocator keeps for later.
void trim_heap(void);

#endif
