//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// memcached's binary protocol. Pure, and as careful as the text protocol.
enum MemcachedBinaryProtocol {
  private enum Operation {
    static let set: UInt8 = 0x01
    static let add: UInt8 = 0x02
    static let delete: UInt8 = 0x04
    static let increment: UInt8 = 0x05
    static let noOperation: UInt8 = 0x0A
    /// Answered with the key, and only if there is a value.
    static let getQuietly: UInt8 = 0x0D
  }

  private enum Status {
    static let done: UInt16 = 0
    static let notFound: UInt16 = 1
    static let exists: UInt16 = 2
    static let tooLarge: UInt16 = 3
    static let notStored: UInt16 = 5
    static let noNumber: UInt16 = 6
    static let outOfMemory: UInt16 = 0x82
  }

  // MARK: Requests

  static func write(_ command: MemcachedCommand, to request: inout MemcachedRequest) {
    switch command {
    case .get(let keys):
      for key in keys { writeHead(Operation.getQuietly, key, 0, 0, 0, &request) }
      writeHead(Operation.noOperation, nil, 0, 0, 0, &request)
    case .set(let key, let value, let expiration): write(Operation.set, key, value, expiration, 0, &request)
    case .add(let key, let value, let expiration): write(Operation.add, key, value, expiration, 0, &request)
    case .compareAndSet(let key, let value, let expiration, let unique):
      write(Operation.set, key, value, expiration, unique, &request)
    case .increment(let key):
      writeHead(Operation.increment, key, 20, 0, 0, &request) { request in
        request.append(bigEndian: 1 as UInt64)
        request.append(bigEndian: 0 as UInt64)
        // Not begun when there is none.
        request.append(bigEndian: UInt32.max)
      }
    case .delete(let key): writeHead(Operation.delete, key, 0, 0, 0, &request)
    case .sequence(let commands): for command in commands { write(command, to: &request) }
    }
  }

  private static func write(
    _ operation: UInt8, _ key: MemcachedKey, _ value: MemcachedValue, _ expiration: MemcachedExpiration,
    _ unique: UInt64, _ request: inout MemcachedRequest
  ) {
    writeHead(operation, key, 8, value.bytes.count, unique, &request) { request in
      request.append(bigEndian: value.flags)
      request.append(bigEndian: UInt32(truncatingIfNeeded: expiration.exptime))
    }
    request.append(value.bytes)
  }

  private static func writeHead(
    _ operation: UInt8, _ key: MemcachedKey?, _ extraCount: UInt8, _ valueCount: Int, _ unique: UInt64,
    _ request: inout MemcachedRequest, _ extras: (inout MemcachedRequest) -> Void = { _ in }
  ) {
    let keyCount = key?.bytes.count ?? 0
    request.append(bigEndian: 0x80 as UInt8)
    request.append(bigEndian: operation)
    request.append(bigEndian: UInt16(keyCount))
    request.append(bigEndian: extraCount)
    request.append(bigEndian: 0 as UInt8)
    request.append(bigEndian: 0 as UInt16)
    request.append(bigEndian: UInt32(Int(extraCount) + keyCount + valueCount))
    request.append(bigEndian: 0 as UInt32)
    request.append(bigEndian: unique)
    extras(&request)
    if let key { request.append(key.bytes) }
  }

  // MARK: Replies

  private struct Head {
    var operation: UInt8
    var keyCount: Int
    var extraCount: Int
    var status: UInt16
    var bodyCount: Int
    var unique: UInt64

    init(_ bytes: UnsafeRawBufferPointer) throws(MemcachedWireError) {
      guard bytes[0] == 0x81 else { throw .violated("sent no reply of the binary protocol") }
      func number<Number: FixedWidthInteger>(_ offset: Int, _: Number.Type) -> Number {
        Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
      }
      operation = bytes[1]
      keyCount = Int(number(2, UInt16.self))
      extraCount = Int(bytes[4])
      status = number(6, UInt16.self)
      bodyCount = Int(number(8, UInt32.self))
      unique = number(16, UInt64.self)
      guard keyCount + extraCount <= bodyCount, bodyCount <= Int(MemcachedReplyReader.valueLimit) else {
        throw .violated("sent a reply of contradictory lengths")
      }
    }
  }

  /// Reads the reply to a command other than a sequence. See ``MemcachedTextProtocol``.
  static func reply(
    to command: MemcachedCommand, from reader: MemcachedReplyReader, limit: Int
  ) throws(MemcachedWireError) -> MemcachedReply {
    switch command {
    case .get(let keys):
      var items = [MemcachedItem?](repeating: nil, count: keys.count)
      try readItems(keys, from: reader, limit: limit) { items[$0] = $1 }
      return .items(items)
    case .increment:
      let head = try head(Operation.increment, reader)
      guard head.status == Status.done else {
        try reader.skip(head.bodyCount)
        if head.status == Status.notFound || head.status == Status.noNumber { return .counter(nil) }
        throw failure(head)
      }
      guard head.bodyCount == 8 else { throw .violated("sent a counter of \(head.bodyCount) bytes") }
      return .counter(UInt64(bigEndian: try reader.bytes(8).loadUnaligned(as: UInt64.self)))
    case .delete:
      let head = try head(Operation.delete, reader)
      try reader.skip(head.bodyCount)
      guard head.status == Status.done || head.status == Status.notFound else { throw failure(head) }
      return .deleted(head.status == Status.done)
    case .set, .compareAndSet: return .stored(try outcome(head(Operation.set, reader), reader))
    case .add: return .stored(try outcome(head(Operation.add, reader), reader))
    case .sequence: preconditionFailure("the commands of a sequence are answered one by one")
    }
  }

  private static func head(_ operation: UInt8, _ reader: MemcachedReplyReader) throws(MemcachedWireError) -> Head {
    let head = try Head(reader.bytes(24))
    guard head.operation == operation else { throw .violated("answered another command than it was sent") }
    return head
  }

  private static func outcome(
    _ head: Head, _ reader: MemcachedReplyReader
  ) throws(MemcachedWireError) -> MemcachedStoreOutcome {
    try reader.skip(head.bodyCount)
    switch head.status {
    case Status.done: return .stored
    case Status.notFound, Status.exists, Status.notStored: return .notStored
    case Status.tooLarge: return .tooLarge
    case Status.outOfMemory: return .outOfMemory
    default: throw failure(head)
    }
  }

  /// Reads values. See ``MemcachedTextProtocol``.
  static func readItems(
    _ keys: [MemcachedKey], from reader: MemcachedReplyReader, limit: Int, _ body: (Int, MemcachedItem) -> Void
  ) throws(MemcachedWireError) {
    var position = 0
    while true {
      let head = try Head(reader.bytes(24))
      if head.operation == Operation.noOperation {
        guard head.status == Status.done, head.bodyCount == 0 else { throw failure(head) }
        return
      }
      guard head.operation == Operation.getQuietly else { throw .violated("answered another command than it was sent") }
      if head.status == Status.notFound {
        try reader.skip(head.bodyCount)
        continue
      }
      guard head.status == Status.done else {
        try reader.skip(head.bodyCount)
        throw failure(head)
      }
      guard head.extraCount == 4, head.keyCount <= 250 else { throw .violated("sent a value without its key") }
      let start = try reader.bytes(4 + head.keyCount)
      let flags = UInt32(bigEndian: start.loadUnaligned(as: UInt32.self))
      while position < keys.count, !keys[position].isEqual(to: UnsafeRawBufferPointer(rebasing: start[4...])) {
        position += 1
      }
      guard position < keys.count else { throw .violated("answered with a key that it was not asked for") }
      let count = head.bodyCount - head.extraCount - head.keyCount
      if let bytes = try reader.value(of: keys[position], count, limit: limit) {
        body(position, MemcachedItem(value: MemcachedValue(bytes: bytes, flags: flags), unique: head.unique))
      }
      position += 1
    }
  }

  private static func failure(_ head: Head) -> MemcachedWireError {
    // 0x84 is "internal error", 0x85 "busy", 0x86 "temporary failure"; what is lower is the command's fault.
    MemcachedWireError(
      code: .refused, message: "answered with the status \(head.status)", isHostFault: head.status > Status.outOfMemory)
  }
}
