//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

/// Puts replies together out of what hiredis' parser reports: strings go from its buffer straight into memory of ours.
///
/// The parser reports depth first, so a stack of the arrays that are not complete yet is all there is to remember. What
/// the parser takes for the objects it has made is always the builder itself.
final class ReplyBuilder {
  private struct OpenArray {
    var elements: [RedisReply] = []
    var count: Int
  }

  private var open: [OpenArray] = []
  private var root: RedisReply?

  /// The reply that is complete, once.
  func take() -> RedisReply? {
    defer { root = nil }
    return root
  }

  func reset() {
    root = nil
    open.removeAll()
  }

  private func add(_ reply: RedisReply) {
    var reply = reply
    while let last = open.indices.last {
      open[last].elements.append(reply)
      guard open[last].elements.count == open[last].count else { return }
      reply = .array(open[last].elements)
      open.removeLast()
    }
    root = reply
  }

  /// - Returns: False for a type of RESP3, which no server sends that has not been asked to. The parser then fails.
  private func addString(_ type: CInt, _ bytes: UnsafeRawBufferPointer) -> Bool {
    switch type {
    case REDIS_REPLY_STATUS:
      add(.status(String(decoding: bytes, as: UTF8.self)))
    case REDIS_REPLY_ERROR:
      let message = String(decoding: bytes, as: UTF8.self)
      if let redirection = Redirection(message) {
        add(.redirection(redirection))
      } else {
        add(.error(RedisError(serverMessage: message)))
      }
    case REDIS_REPLY_STRING:
      add(.bulk(Bytes(copying: bytes)))
    default:
      return false
    }
    return true
  }

  /// The depth to which replies may be nested: hiredis before 1.0 permits no more, and later ones as much as the peer likes.
  private static let depthLimit = 8

  private func addArray(_ count: Int) -> Bool {
    guard open.count < Self.depthLimit else { return false }
    if count == 0 {
      add(.array([]))
    } else {
      // No reservation: the number comes from the peer, the elements have yet to.
      open.append(OpenArray(count: count))
    }
    return true
  }

  /// What hiredis' parser calls. The builder of the reader at hand is its private data.
  ///
  /// nonisolated(unsafe): written once, before anybody can see it; hiredis only reads it.
  nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    // Member by member: hiredis 1.0 and later have more than 0.14.
    functions.initialize(to: redisReplyObjectFunctions())
    functions.pointee.createString = { task, string, length in
      guard let task, let object = task.pointee.privdata else { return nil }
      let bytes = UnsafeRawBufferPointer(start: string, count: length)
      return ReplyBuilder.of(object).addString(task.pointee.type, bytes) ? object : nil
    }
    functions.pointee.createArray = { task, count in
      guard let task, task.pointee.type == REDIS_REPLY_ARRAY, let object = task.pointee.privdata else { return nil }
      return ReplyBuilder.of(object).addArray(Int(count)) ? object : nil
    }
    functions.pointee.createInteger = { task, value in
      guard let object = task?.pointee.privdata else { return nil }
      ReplyBuilder.of(object).add(.integer(Int64(value)))
      return object
    }
    functions.pointee.createNil = { task in
      guard let object = task?.pointee.privdata else { return nil }
      ReplyBuilder.of(object).add(.null)
      return object
    }
    // Nothing to free: an unfinished reply stays with the builder, which goes with its reader.
    functions.pointee.freeObject = { _ in }
    chr_refuse_other_types(functions)
    return functions
  }()

  private static func of(_ object: UnsafeMutableRawPointer) -> ReplyBuilder {
    // Unretained: the reader's owner keeps the builder for as long as the reader exists.
    Unmanaged<ReplyBuilder>.fromOpaque(object).takeUnretainedValue()
  }
}
