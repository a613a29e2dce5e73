//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CHiredis
import Foundation

/// hiredis as a C program would use it: what the client is held against.
///
/// Used by one benchmark at a time, never from two threads at once.
final class RawRedis: @unchecked Sendable {
  // @unchecked: the runner awaits each benchmark's work before it does anything else.
  private let context: UnsafeMutablePointer<redisContext>

  struct ConnectionFailed: Error {}

  init(port: Int) throws {
    guard let context = redisConnect("127.0.0.1", CInt(port)), context.pointee.err == 0 else {
      throw ConnectionFailed()
    }
    self.context = context
  }

  deinit { redisFree(context) }

  /// One command, and its answer awaited, `count` times.
  func get(_ key: String, count: Int) {
    "GET".withCString { name in
      key.withCString { key in
        var arguments: [UnsafePointer<CChar>?] = [name, key]
        var lengths = [3, strlen(key)]
        for _ in 0..<count { freeReplyObject(redisCommandArgv(context, 2, &arguments, &lengths)) }
      }
    }
  }

  /// `depth` commands at once, and all answers awaited, until there were `count`.
  func getPipelined(_ key: String, depth: Int, count: Int) {
    let command = "*2\r\n$3\r\nGET\r\n$\(key.utf8.count)\r\n\(key)\r\n"
    var left = count
    while left > 0 {
      let now = min(depth, left)
      for _ in 0..<now { redisAppendFormattedCommand(context, command, command.utf8.count) }
      for _ in 0..<now {
        var reply: UnsafeMutableRawPointer?
        redisGetReply(context, &reply)
        freeReplyObject(reply)
      }
      left -= now
    }
  }
}
