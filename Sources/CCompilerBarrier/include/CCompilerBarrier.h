//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef HTTP_CACHE_COMPILER_BARRIER_H
#define HTTP_CACHE_COMPILER_BARRIER_H

/// A point that the compiler moves nothing across that touches memory or counts references. No instruction.
///
/// Swift's optimiser takes an atomic store for something that cannot release an object, which is right, and so moves retains
/// past it, which is wrong where the store gives back the lock that keeps the object alive until it is retained.
static inline void http_cache_compiler_barrier(void) { __asm__ volatile("" ::: "memory"); }

#endif
