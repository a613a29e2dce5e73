//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop

  /// Events of a socket.
  struct ReadyEvents: OptionSet {
    let rawValue: UInt32

    static let readable = ReadyEvents(rawValue: UInt32(CEL_READABLE))
    static let writable = ReadyEvents(rawValue: UInt32(CEL_WRITABLE))
    /// The peer has finished sending.
    static let peerClosed = ReadyEvents(rawValue: UInt32(CEL_PEER_CLOSED))
    /// The connection has failed, or is closed both ways.
    static let failed = ReadyEvents(rawValue: UInt32(CEL_FAILED | CEL_HUNG_UP))
  }
#endif
