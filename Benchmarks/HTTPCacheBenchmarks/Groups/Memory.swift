//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CAllocationCounter
import HTTPCache

/// What an entry takes beside its content.
enum Memory {
  private static let entryCount = 20_000
  private static let bodySize = 1024

  static let benchmarks =
    [
      Benchmark("memory/bookkeeping_per_entry", "as the backend reports it: tables, nodes, and the entries' objects") {
        .quantity("B") {
          let backend = InMemoryBackend()
          for number in 0..<entryCount { _ = backend.storeNow(Samples.entry(Samples.key(number), sample)) }
          let statistics = backend.statistics
          try expect(statistics.entryCount == entryCount, "some entries are missing")
          return Double(statistics.bookkeepingByteCount) / Double(entryCount)
        }
      }
    ] + (bytes_in_use() > 0 ? [heap] : [])

  private static let heap = Benchmark(
    "memory/heap_per_entry_beyond_content",
    "what the allocator has handed out for entries of their own keys, heads and bodies, less the octets of these"
  ) {
    .quantity("B") {
      let backend = InMemoryBackend()
      let before = bytes_in_use()
      for number in 0..<entryCount {
        var fields = HeaderFields()
        for field in sample.fields { fields.append(field.name, field.value) }
        let body = Body(Bytes(repeatElement(UInt8(ascii: "x"), count: bodySize)))
        _ = backend.storeNow(Samples.entry(Samples.key(number), CacheResponse(fields: fields, body: body)))
      }
      let used = Double(bytes_in_use() - before) / Double(entryCount)
      try expect(backend.statistics.entryCount == entryCount, "some entries are missing")
      let key = Samples.key(entryCount / 2).byteCount
      return used - Double(key + sample.fields.serializedByteCount + bodySize)
    }
  }

  private static let sample = Samples.response(bodySize)
}
