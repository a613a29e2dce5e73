//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One worker's connection to its host, used by that worker's thread alone.
///
/// A connection on which anything went wrong is never used again: the answer to an abandoned request may still come, and would
/// be taken for the answer to the next.
final class MemcachedConnection {
  private let socket: MemcachedSocket
  private let reader: MemcachedReplyReader
  private let isBinary: Bool
  private let limit: Int

  /// Connects to a host.
  init(
    to host: MemcachedHost, _ configuration: MemcachedConfiguration, clock: CacheClock
  ) throws(MemcachedWireError) {
    let socket = try MemcachedSocket(
      to: host, within: configuration.connectTimeout, patience: configuration.responseTimeout, clock: clock)
    self.socket = socket
    reader = MemcachedReplyReader { (memory) throws(MemcachedWireError) in try socket.read(into: memory) }
    isBinary = configuration.wireProtocol == .binary
    limit = configuration.maximumValueSize
  }

  /// Sends several commands at once.
  ///
  /// - Parameter deadline: When the replies have to be there.
  func send(_ commands: [MemcachedCommand], until deadline: CacheInstant) throws(MemcachedWireError) {
    // What has come meanwhile is no answer to what is sent now; the server may have hung up, too.
    guard socket.isQuiet else {
      throw MemcachedWireError(code: .connectionFailed, message: "the connection is not what it was left as")
    }
    socket.deadline = deadline
    var request = MemcachedRequest()
    for command in commands {
      if isBinary {
        MemcachedBinaryProtocol.write(command, to: &request)
      } else {
        MemcachedTextProtocol.write(command, to: &request)
      }
    }
    request.finish()
    try socket.write(request.pieces)
  }

  /// Receives the reply to the next of the commands that were sent.
  func reply(to command: MemcachedCommand) throws(MemcachedWireError) -> MemcachedReply {
    if case .sequence(let commands) = command {
      var replies: [MemcachedReply] = []
      for command in commands { replies.append(try reply(to: command)) }
      return .sequence(replies)
    }
    if isBinary { return try MemcachedBinaryProtocol.reply(to: command, from: reader, limit: limit) }
    return try MemcachedTextProtocol.reply(to: command, from: reader, limit: limit)
  }

  /// Receives the reply to a `get` of these keys, value by value.
  func items(
    for keys: [MemcachedKey], _ body: (Int, MemcachedItem) -> Void
  ) throws(MemcachedWireError) {
    if isBinary {
      try MemcachedBinaryProtocol.readItems(keys, from: reader, limit: limit, body)
    } else {
      try MemcachedTextProtocol.readItems(keys, from: reader, limit: limit, body)
    }
  }

  /// All replies were received.
  func checkEnd() throws(MemcachedWireError) {
    guard reader.isEmpty else { throw .violated("sent more than it was asked for") }
  }
}
