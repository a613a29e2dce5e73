//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#include "CChecksum.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
  #include <cpuid.h>
  #include <nmmintrin.h>
  #include <wmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
  #include <arm_acle.h>
#endif

/// The Castagnoli polynomial, its lowest power in the highest bit (reflected).
#define POLYNOMIAL 0x82F63B78u

static inline uint64_t load64(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// What both ways need is worked out once, at the first call.

/// For slicing by 8: `slices[k][b]` is the remainder of the octet `b` followed by `k` zero octets.
static uint32_t slices[8][256];

#if defined(__x86_64__)
/// The most words of a lane. Three lanes of 1 KiB make a block.
#define LANE_WORDS 128
/// `powers[m]` is x^(64 m + 31) modulo the polynomial, reflected: multiplying a remainder with it (without carry, which
/// gives another x) and adding the product to the last of the m + 1 words that follow moves the remainder behind them.
static uint32_t powers[2 * LANE_WORDS + 1];
#endif

typedef uint32_t (*implementation)(uint32_t, const uint8_t *, size_t);

static uint32_t portable(uint32_t crc, const uint8_t *bytes, size_t count) {
  crc = ~crc;
  while (count >= 8) {
    uint64_t word = load64(bytes) ^ crc;
    crc = slices[7][word & 0xFF] ^ slices[6][(word >> 8) & 0xFF] ^ slices[5][(word >> 16) & 0xFF]
        ^ slices[4][(word >> 24) & 0xFF] ^ slices[3][(word >> 32) & 0xFF] ^ slices[2][(word >> 40) & 0xFF]
        ^ slices[1][(word >> 48) & 0xFF] ^ slices[0][word >> 56];
    bytes += 8;
    count -= 8;
  }
  while (count-- > 0) crc = (crc >> 8) ^ slices[0][(crc ^ *bytes++) & 0xFF];
  return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2,pclmul")))
static inline uint64_t moved(uint64_t crc, size_t words) {
  __m128i product = _mm_clmulepi64_si128(
      _mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)(uint64_t)powers[words]), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

/// The instruction takes three cycles and can begin anew in each: three lanes side by side keep it busy. The remainders
/// of the first two are then moved to the end of the third with a carry-less multiplication each.
__attribute__((target("sse4.2,pclmul")))
static uint32_t by_instruction(uint32_t start, const uint8_t *bytes, size_t count) {
  uint64_t crc = (uint32_t)~start;
  while (count >= 3 * 8 * 8) {
    // One word stays for the remainders to be added to.
    size_t lane = (count / 8 - 1) / 3;
    if (lane > LANE_WORDS) lane = LANE_WORDS;
    const uint8_t *second = bytes + 8 * lane;
    const uint8_t *third = second + 8 * lane;
    uint64_t crc1 = 0, crc2 = 0;
    for (size_t word = 0; word < lane; word++) {
      crc = _mm_crc32_u64(crc, load64(bytes + 8 * word));
      crc1 = _mm_crc32_u64(crc1, load64(second + 8 * word));
      crc2 = _mm_crc32_u64(crc2, load64(third + 8 * word));
    }
    uint64_t last = load64(third + 8 * lane) ^ moved(crc, 2 * lane) ^ moved(crc1, lane);
    crc = _mm_crc32_u64(crc2, last);
    bytes = third + 8 * lane + 8;
    count -= 8 * (3 * lane + 1);
  }
  while (count >= 8) {
    crc = _mm_crc32_u64(crc, load64(bytes));
    bytes += 8;
    count -= 8;
  }
  uint32_t rest = (uint32_t)crc;
  if (count & 4) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    rest = _mm_crc32_u32(rest, word);
    bytes += 4;
  }
  if (count & 2) {
    uint16_t word;
    memcpy(&word, bytes, sizeof word);
    rest = _mm_crc32_u16(rest, word);
    bytes += 2;
  }
  if (count & 1) rest = _mm_crc32_u8(rest, *bytes);
  return ~rest;
}

static implementation best(void) {
  unsigned int a, b, c, d;
  const unsigned int needed = bit_SSE4_2 | bit_PCLMUL;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & needed) == needed ? by_instruction : portable;
}

static void prepare_powers(void) {
  // In the reflected order x^31 is the lowest bit, and multiplying by x shifts to the right.
  uint32_t power = 1;
  for (size_t words = 0; words <= 2 * LANE_WORDS; words++) {
    powers[words] = power;
    for (int bit = 0; bit < 64; bit++) power = (power >> 1) ^ (power & 1 ? POLYNOMIAL : 0);
  }
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) {
  crc = ~crc;
  while (count >= 8) {
    crc = __crc32cd(crc, load64(bytes));
    bytes += 8;
    count -= 8;
  }
  while (count-- > 0) crc = __crc32cb(crc, *bytes++);
  return ~crc;
}

static implementation best(void) { return by_instruction; }
static void prepare_powers(void) {}

#else

static implementation best(void) { return portable; }
static void prepare_powers(void) {}

#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(implementation) chosen;

static void prepare(void) {
  for (unsigned int byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    slices[0][byte] = crc;
  }
  for (unsigned int byte = 0; byte < 256; byte++) {
    for (int slice = 1; slice < 8; slice++) {
      uint32_t before = slices[slice - 1][byte];
      slices[slice][byte] = (before >> 8) ^ slices[0][before & 0xFF];
    }
  }
  prepare_powers();
  // Released after the tables: whoever sees the function sees what it needs.
  atomic_store_explicit(&chosen, best(), memory_order_release);
}

static inline implementation prepared(void) {
  implementation function = atomic_load_explicit(&chosen, memory_order_acquire);
  if (__builtin_expect(function == NULL, 0)) {
    pthread_once(&once, prepare);
    function = atomic_load_explicit(&chosen, memory_order_acquire);
  }
  return function;
}

uint32_t http_cache_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return prepared()(crc, bytes, count);
}

uint32_t http_cache_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  prepared();
  return portable(crc, bytes, count);
}

int http_cache_crc32c_is_accelerated(void) { return prepared() != portable; }
