//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef HTTP_CACHE_REQUEST_SAMPLING_H
#define HTTP_CACHE_REQUEST_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

/// Whether this is one of about one in 2^`shift` calls, at random; `shift` is from 1 to 63.
///
/// Six instructions, and no memory that another thread writes: the state of the generator (Knuth's MMIX) is the thread's own. In
/// C, because Swift has no variables of a thread but such as cost a call. At random, and not every 2^`shift`-th, because calls
/// of different kinds may alternate.
static inline bool http_cache_is_sampled(unsigned shift) {
  static __thread uint64_t state;
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return state >> (64 - shift) == 0;
}

#endif
