//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting

@testable import HTTPCacheRedis

/// A server as far as the log of invalidations is concerned: the stream, the entries, and what can happen to them.
struct ModelServer {
  struct Entry {
    let tag: String?
    let log: UInt64
    let stamp: UInt64
    /// When the entry's response was asked for, in steps of the history.
    let askedAt: Int
  }

  private(set) var records: [InvalidationRecord] = []
  var entries: [String: Entry] = [:]
  var milliseconds: UInt64 = 1_000_000
  var takesWrites = true
  private var nextIdentity: UInt64 = 1
  /// The source of the numbers' random parts, for all servers.
  private var salts = SplitMix64(seed: 1)

  /// A page of the log, as `XRANGE` gives it.
  func page(from id: StreamID?, limit: Int) -> LogPage {
    .records(Array(records.filter { $0.id >= id ?? StreamID(number: 0) }.prefix(limit)))
  }

  /// The script ``LogScript/append``.
  ///
  /// - Returns: Whether the server has taken it.
  mutating func append(_ payloads: [Bytes], above bound: StreamID, length: Int) -> Bool {
    let isNew = records.last?.log == nil
    guard takesWrites || (payloads.isEmpty && !isNew) else { return false }
    if isNew { records = [] }
    // Of all servers, the replicas too.
    defer { if isNew { nextIdentity += 1 } }
    let identity = records.last?.log ?? (nextIdentity << 8 | UInt64(milliseconds & 0xFF))
    var position = records.last?.position ?? 0
    var number = max(records.last?.id.number ?? 0, bound.number)
    var salt = salts.next() % 16_384
    for payload in (isNew ? ["1oh"] : []) + payloads {
      number = milliseconds > number >> 20 ? milliseconds << 20 | salt : number + 1 + salt
      salt = 0
      position += 1
      let header = [identity.bigEndian, position.bigEndian].withUnsafeBytes { Bytes(copying: $0) }
      records.append(InvalidationRecord(id: StreamID(number: number), value: Bytes(joining: [header, payload])))
    }
    if records.count > length + 4 { records.removeFirst(records.count - length) }
    return true
  }

  /// The server is another one from now on, which has the records and entries of `earlier`.
  mutating func fallBack(to earlier: ModelServer) {
    records = earlier.records
    entries = earlier.entries
  }

  mutating func removeLog() { records = [] }
  mutating func removeRecord(at index: Int) { records.remove(at: index) }

  mutating func addNonsense() {
    let number = max(milliseconds << 20, (records.last?.id.number ?? 0) + 1)
    records.append(InvalidationRecord(id: StreamID(number: number), value: "nonsense"))
  }
}
