//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// memcached's text protocol. Pure: requests are written to memory, and replies come from a reader.
///
/// Nothing that a server sends is believed: a name must be one that was asked for, a number must be one and fit, a value must
/// end where it was said to. (libmemcached 1.1.4 checks none of these: after the length −1 it writes before its buffer, and a
/// name of more than 250 bytes goes beyond its own.)
enum MemcachedTextProtocol {
  // MARK: Requests

  static func write(_ command: MemcachedCommand, to request: inout MemcachedRequest) {
    switch command {
    case .get(let keys):
      request.append("gets")
      for key in keys {
        request.append(" ")
        request.append(key.bytes)
      }
      request.append("\r\n")
    case .set(let key, let value, let expiration): write("set ", key, value, expiration, "", &request)
    case .add(let key, let value, let expiration): write("add ", key, value, expiration, "", &request)
    case .compareAndSet(let key, let value, let expiration, let unique):
      write("cas ", key, value, expiration, " \(unique)", &request)
    case .increment(let key): write("incr ", key, " 1\r\n", &request)
    case .delete(let key): write("delete ", key, "\r\n", &request)
    case .sequence(let commands): for command in commands { write(command, to: &request) }
    }
  }

  private static func write(
    _ name: String, _ key: MemcachedKey, _ value: MemcachedValue, _ expiration: MemcachedExpiration, _ unique: String,
    _ request: inout MemcachedRequest
  ) {
    write(name, key, " \(value.flags) \(expiration.exptime) \(value.bytes.count)\(unique)\r\n", &request)
    request.append(value.bytes)
    request.append("\r\n")
  }

  private static func write(_ name: String, _ key: MemcachedKey, _ rest: String, _ request: inout MemcachedRequest) {
    request.append(name)
    request.append(key.bytes)
    request.append(rest)
  }

  // MARK: Replies

  /// Reads the reply to a command other than a sequence.
  ///
  /// - Parameter limit: The largest value that is taken; larger ones are misses.
  static func reply(
    to command: MemcachedCommand, from reader: MemcachedReplyReader, limit: Int
  ) throws(MemcachedWireError) -> MemcachedReply {
    switch command {
    case .get(let keys):
      var items = [MemcachedItem?](repeating: nil, count: keys.count)
      try readItems(keys, from: reader, limit: limit) { items[$0] = $1 }
      return .items(items)
    case .increment:
      let line = try reader.line()
      if let number = UInt64(decimal: line) { return .counter(number) }
      // The value that is there is no number.
      if line.isEqual("NOT_FOUND") || line.isPrefixed(by: "CLIENT_ERROR cannot increment") { return .counter(nil) }
      throw failure(line)
    case .delete:
      let line = try reader.line()
      if line.isEqual("DELETED") { return .deleted(true) }
      if line.isEqual("NOT_FOUND") { return .deleted(false) }
      throw failure(line)
    case .set, .add: return .stored(try outcome(reader.line(), isConditional: false))
    case .compareAndSet: return .stored(try outcome(reader.line(), isConditional: true))
    case .sequence: preconditionFailure("the commands of a sequence are answered one by one")
    }
  }

  private static func outcome(
    _ line: UnsafeRawBufferPointer, isConditional: Bool
  ) throws(MemcachedWireError) -> MemcachedStoreOutcome {
    if line.isEqual("STORED") { return .stored }
    if line.isEqual("NOT_STORED") { return .notStored }
    if isConditional, line.isEqual("EXISTS") || line.isEqual("NOT_FOUND") { return .notStored }
    if line.isEqual("SERVER_ERROR object too large for cache") { return .tooLarge }
    if line.isPrefixed(by: "SERVER_ERROR out of memory") || line.isPrefixed(by: "SERVER_ERROR Out of memory") {
      return .outOfMemory
    }
    throw failure(line)
  }

  /// Reads values, and calls `body` with the position and the value of each that is there, as they come. The server answers in
  /// the order of the keys, and leaves out what it does not have.
  static func readItems(
    _ keys: [MemcachedKey], from reader: MemcachedReplyReader, limit: Int, _ body: (Int, MemcachedItem) -> Void
  ) throws(MemcachedWireError) {
    var position = 0
    while true {
      let line = try reader.line()
      if line.isEqual("END") { return }
      guard line.isPrefixed(by: "VALUE ") else { throw failure(line) }
      var words = ReplyWords(line, from: 6)
      let (name, flagsWord, countWord, uniqueWord) = (words.next(), words.next(), words.next(), words.next())
      guard words.isAtEnd, let flags = UInt64(decimal: flagsWord).flatMap({ UInt32(exactly: $0) }),
        let count = UInt64(decimal: countWord), count <= MemcachedReplyReader.valueLimit,
        let unique = UInt64(decimal: uniqueWord)
      else { throw .violated("sent \"\(message(line))\" for a value") }
      while position < keys.count, !keys[position].isEqual(to: name) { position += 1 }
      guard position < keys.count else { throw .violated("answered with a key that it was not asked for") }
      let bytes = try reader.value(of: keys[position], Int(count), limit: limit)
      guard try reader.bytes(2).elementsEqual([0x0D, 0x0A]) else {
        throw .violated("sent a value of another length than it said")
      }
      if let bytes {
        body(position, MemcachedItem(value: MemcachedValue(bytes: bytes, flags: flags), unique: unique))
      }
      position += 1
    }
  }

  /// The failure that a line is which no reply begins with.
  private static func failure(_ line: UnsafeRawBufferPointer) -> MemcachedWireError {
    let isRefusal = line.isPrefixed(by: "SERVER_ERROR") || line.isEqual("ERROR")
    if isRefusal || line.isPrefixed(by: "CLIENT_ERROR") {
      return MemcachedWireError(code: .refused, message: message(line), isHostFault: isRefusal)
    }
    return .violated("answered \"\(message(line))\"")
  }

  private static func message(_ line: UnsafeRawBufferPointer) -> String {
    String(decoding: line.prefix(100).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func isEqual(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && isPrefixed(by: text) }

  fileprivate func isPrefixed(by text: StaticString) -> Bool {
    count >= text.utf8CodeUnitCount
      && prefix(text.utf8CodeUnitCount).elementsEqual(
        UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
