//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#include "CHeapUse.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>

uint64_t heap_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
#else
uint64_t heap_use(void) { return 0; }
#endif
