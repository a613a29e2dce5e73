//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Entries as bytes for a remote store: the key, five fields, the body, and the checksum over all of it.
enum Codec {
  private static let sizes = [(512, "512B"), (256 << 10, "256KiB")]

  static let benchmarks = sizes.flatMap { size, name in
    [
      benchmark("encode/\(name)", "write an entry with a body of \(name), checksum included", size) { sample in
        consume(WireFormat.encode(sample.entry, stamp: 1, now: sample.now, unixNow: sample.unixNow))
      },
      benchmark("encode_head/\(name)", "write all of it but the body, checksum included", size) { sample in
        consume(WireFormat.encodeHead(sample.entry, stamp: 1, now: sample.now, unixNow: sample.unixNow))
      },
      benchmark("decode/\(name)", "read an entry with a body of \(name), everything checked", size) { sample in
        consume(
          try? WireFormat.decode(sample.bytes, for: sample.key, now: sample.now, unixNow: sample.unixNow))
      },
    ]
  }

  private struct Sample {
    let key = Samples.key(42)
    let entry: CacheEntry
    let bytes: Bytes
    let now = CacheClock.system.now
    let unixNow = CacheClock.system.unixTime

    init(_ size: Int) {
      entry = Samples.entry(key, size)
      bytes = WireFormat.encode(entry, stamp: 1, now: now, unixNow: unixNow)
    }
  }

  private static func benchmark(
    _ name: String, _ summary: String, _ size: Int, _ operation: @escaping @Sendable (Sample) -> Void
  ) -> Benchmark {
    Benchmark("codec/\(name)", summary) {
      let sample = Sample(size)
      return .synchronous { count in
        for _ in 0..<count { operation(sample) }
      }
    }
  }
}
