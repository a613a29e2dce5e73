//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The receiving side of a connection: its socket, and the replies that have come. Whoever reads, the loop or a caller, holds
/// the lock around it meanwhile.
struct ReplyReceiver {
  /// -1 while there is no socket that can be read from. It is not closed while somebody is reading.
  var descriptor: CInt = -1
  var reader: ReplyReader?
  /// Complete replies that nobody has got yet.
  var replies: [RedisReply] = []
  /// How many sockets there have been.
  var generation = 0

  /// Receives what has arrived.
  ///
  /// - Parameter scratch: Where bytes are put that do not belong to a large value.
  /// - Returns: Whether there may be more.
  mutating func receive(into scratch: UnsafeMutableRawBufferPointer) throws(RedisError) -> Bool {
    guard let reader else { return false }
    let large = reader.largeRemainder
    let buffer = large ?? scratch
    let count = chr_receive(descriptor, buffer.baseAddress, buffer.count)
    guard count > 0 else {
      let code = CInt(-count)
      guard code != EAGAIN && code != EWOULDBLOCK else { return false }
      throw RedisError(
        .connectionLost,
        count == 0
          ? "the server closed the connection"
          : "the connection broke while receiving: \(String(cString: strerror(code)))")
    }
    if large != nil {
      try reader.advanceLarge(count, into: &replies)
    } else {
      try reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &replies)
    }
    return count == buffer.count
  }
}
