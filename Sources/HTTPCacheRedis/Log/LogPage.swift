//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// A part of the log, as `XRANGE` gives it.
enum LogPage: Sendable {
  case records([InvalidationRecord])
  /// A record with this identifier is there that can be of no log of this library.
  case unreadable(id: Bytes)
  /// The server has something else than a stream under the log's name.
  case otherType

  /// Parses a reply.
  ///
  /// - Throws: The error that the server reported, and ``RedisError/Code/unexpectedReply`` for what `XRANGE` never answers.
  init(_ reply: RedisReply) throws(RedisError) {
    if reply.error?.code == .wrongType {
      self = .otherType
      return
    }
    guard let elements = try reply.checked().array else {
      throw RedisError(.unexpectedReply, "the server's answer to XRANGE is no list")
    }
    var records: [InvalidationRecord] = []
    records.reserveCapacity(elements.count)
    for element in elements {
      guard let parts = element.array, parts.count == 2, let text = parts[0].bytes, let fields = parts[1].array else {
        throw RedisError(.unexpectedReply, "the server's answer to XRANGE has no records")
      }
      guard let id = StreamID(text) else {
        self = .unreadable(id: text)
        return
      }
      let value = fields.count == 2 && fields[0].bytes == "r" ? fields[1].bytes : nil
      records.append(InvalidationRecord(id: id, value: value ?? Bytes()))
    }
    self = .records(records)
  }

  /// Whether `reply` is a list of one record, and that `known`: nearly always nothing has been invalidated.
  static func isOnly(_ known: InvalidationRecord, _ reply: RedisReply) -> Bool {
    guard case .array(let elements) = reply, elements.count == 1, case .array(let parts) = elements[0],
      parts.count == 2,
      case .array(let fields) = parts[1], fields.count == 2, case .bulk(let value) = fields[1], value == known.value,
      case .bulk(let text) = parts[0]
    else { return false }
    return StreamID(text) == known.id
  }
}
