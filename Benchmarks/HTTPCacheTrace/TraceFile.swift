//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// The records of a trace file.
struct TraceFile {
  var header: TraceHeader
  var records: [TraceRecord]

  /// Reads a file.
  ///
  /// - Throws: ``Failure`` when it is no trace.
  init(path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    try self.init(data, name: path)
  }

  init(_ data: Data, name: String = "the data") throws {
    guard let header = data.withUnsafeBytes({ TraceHeader($0) }) else {
      throw Failure("\(name) is no trace of swift-http-cache, or one of another version")
    }
    self.header = header
    records = data.withUnsafeBytes { buffer in
      stride(from: TraceHeader.byteCount, to: buffer.count, by: TraceRecord.byteCount).compactMap { offset in
        TraceRecord(UnsafeRawBufferPointer(rebasing: buffer[offset...]))
      }
    }
    // One file is written by several shards: in order for each key, and nearly in order of time.
    records = records.enumerated().sorted {
      ($0.element.unixNanoseconds, $0.offset) < ($1.element.unixNanoseconds, $1.offset)
    }.map(\.element)
  }

  /// The file's octets.
  var bytes: [UInt8] {
    var bytes = header.bytes
    for record in records { record.write(to: &bytes) }
    return bytes
  }

  /// The requests that a cache could have answered, each with the size of its content: where the length was not known when the
  /// response began, that of the key before or after; 1 where there is none.
  var requests: [(record: TraceRecord, size: Int)] {
    var sizes: [UInt64: UInt64] = [:]
    for record in records.reversed() where record.size > 0 { sizes[record.id] = record.size }
    return records.compactMap { record in
      if record.size > 0 { sizes[record.id] = record.size }
      guard record.operation == .get, record.outcome < 5 else { return nil }
      return (record, Int(clamping: max(sizes[record.id] ?? 1, 1)))
    }
  }

  /// The trace for a replay.
  var replay: TraceReplay {
    TraceReplay(requests: requests.map { TraceReplay.Request(key: $0.record.id, size: $0.size) })
  }

  /// The same trace with other hashes, and times from zero, so that nothing in it can be compared with other traces.
  func anonymised(secret: UInt64 = .random(in: .min ... .max)) -> TraceFile {
    var file = self
    file.header.unixNanoseconds = 0
    let (unix, monotonic) = (
      records.map(\.unixNanoseconds).min() ?? 0, records.map(\.monotonicNanoseconds).min() ?? 0
    )
    for index in file.records.indices {
      file.records[index].unixNanoseconds -= unix
      file.records[index].monotonicNanoseconds -= monotonic
      file.records[index].id = Self.scrambled(file.records[index].id, secret)
      file.records[index].policy = 0
    }
    return file
  }

  /// A bijection of 64 bits (rounds of multiplication and folding, with a secret): different keys stay different.
  private static func scrambled(_ id: UInt64, _ secret: UInt64) -> UInt64 {
    var word = id
    for round in 1...4 as ClosedRange<UInt64> {
      word ^= secret &* (2 &* round &+ 1) &+ round
      word = (word ^ (word >> 31)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 29)) &* 0x94D0_49BB_1331_11EB
    }
    return word ^ (word >> 32)
  }
}

/// Why the program cannot do what it is asked for.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
