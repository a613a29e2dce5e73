//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef C_HEAP_USE_H
#define C_HEAP_USE_H

#include <stdint.h>

/// How many octets malloc has handed out and not got back; 0 where that is not known, as under AddressSanitizer.
uint64_t heap_use(void);

#endif
