//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef HTTP_CACHE_CHECKSUM_H
#define HTTP_CACHE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli; RFC 9260 appendix A, RFC 3385), by the processor's own instruction where it has one.
///
/// `crc` is what the bytes before these gave, 0 for the first: the checksum of a message in pieces is that of the whole.
uint32_t http_cache_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

/// The same without any special instruction: what processors without one use, and what the fast way is tested against.
uint32_t http_cache_crc32c_portable(uint32_t crc, const void *_Nullable bytes, size_t count);

/// Whether `http_cache_crc32c` uses the processor's instruction here (1) or the portable way (0).
int http_cache_crc32c_is_accelerated(void);

#endif
