//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Writes traces in the formats of other programs.
struct TraceConverter {
  /// A format.
  enum Format: String, CaseIterable {
    /// libCacheSim's records of 24 octets: `u32` second, `u64` id, `u32` size, `i64` position of the next request for the id.
    case oracleGeneral
    /// libCacheSim's format with a header, version 3, as PyPI's `libcachesim` 0.3.5 reads it.
    case lcs
    /// One line for each request, with the names of the fields in the first.
    case csv
    /// `time id size`, one line for each request, as LRB's simulator reads it.
    case lrb
    /// Pairs of 64-bit words, id and size, as `http-cache-benchmarks --replay` reads them.
    case pairs
  }

  private struct Item {
    var record: TraceRecord
    var second: UInt32
    var size: Int
    /// The position of the next request for the same id, from 1; -1 if there is none.
    var next: Int64
  }

  private let items: [Item]

  init(_ file: TraceFile) {
    let requests = file.requests
    let start = requests.first?.record.unixNanoseconds ?? 0
    var last: [UInt64: Int64] = [:]
    var items: [Item] = []
    items.reserveCapacity(requests.count)
    for (index, (record, size)) in requests.enumerated().reversed() {
      items.append(
        Item(
          record: record, second: UInt32(clamping: (record.unixNanoseconds - start) / 1_000_000_000), size: size,
          next: last[record.id] ?? -1))
      last[record.id] = Int64(index + 1)
    }
    self.items = items.reversed()
  }

  func bytes(_ format: Format) -> [UInt8] {
    switch format {
    case .oracleGeneral: oracleGeneral
    case .lcs: lcs
    case .csv: Array(csv.utf8)
    case .lrb: Array(items.map { "\($0.second) \($0.record.id) \($0.size)\n" }.joined().utf8)
    case .pairs:
      items.reduce(into: []) { bytes, item in
        Self.append(item.record.id, to: &bytes)
        Self.append(UInt64(item.size), to: &bytes)
      }
    }
  }

  private var oracleGeneral: [UInt8] {
    items.reduce(into: []) { bytes, item in
      Self.append(item.second, to: &bytes)
      Self.append(item.record.id, to: &bytes)
      Self.append(UInt32(clamping: item.size), to: &bytes)
      Self.append(item.next, to: &bytes)
    }
  }

  /// Version 3: a header of 8,192 octets with counts, then records of 36 octets, which have operation, policy (as tenant) and
  /// lifetime besides.
  private var lcs: [UInt8] {
    let magic: UInt64 = 0x1234_5678_9ABC_DEF0
    let sizes = Dictionary(items.map { ($0.record.id, $0.size) }, uniquingKeysWith: { $1 })
    var bytes: [UInt8] = []
    Self.append(magic, to: &bytes)
    Self.append(3 as UInt64, to: &bytes)
    // The version of the counts; requests, keys, bytes asked for, bytes of all keys; first and last second; requests that
    // read, write, delete; smallest and largest size.
    for number in [
      1, items.count, sizes.count, items.reduce(0) { $0 + $1.size }, sizes.values.reduce(0, +),
      Int(items.first?.second ?? 0), Int(items.last?.second ?? 0), items.count, 0, 0, sizes.values.min() ?? 0,
      sizes.values.max() ?? 0,
    ] { Self.append(Int64(number), to: &bytes) }
    bytes += Array(repeating: 0, count: 8192 - 8 - bytes.count)
    Self.append(magic, to: &bytes)
    for item in items {
      Self.append(item.second, to: &bytes)
      Self.append(item.record.id, to: &bytes)
      Self.append(Int64(item.size), to: &bytes)
      Self.append(UInt32(item.record.operation.rawValue) | UInt32(item.record.policy) << 8, to: &bytes)
      Self.append(UInt32(clamping: item.record.timeToLive), to: &bytes)
      Self.append(item.next, to: &bytes)
    }
    return bytes
  }

  private var csv: String {
    let outcomes = ["hit", "stale", "revalidated", "miss", "collapsed"]
    return items.reduce(
      into: "time,id,size,next,outcome,status,ttl,age,origin_us,us,head_size,method,tier,policy,content_type\n"
    ) { text, item in
      let record = item.record
      text +=
        "\(Double(record.unixNanoseconds) / 1e9),\(record.id),\(item.size),\(item.next),"
        + "\(outcomes[Int(record.outcome)]),\(record.status),\(record.timeToLive),\(record.age),"
        + "\(record.originMicroseconds),\(record.microseconds),\(record.headSize),\(record.method),\(record.tier),"
        + "\(record.policy),\(record.contentType.rawValue)\n"
    }
  }

  private static func append(_ word: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
