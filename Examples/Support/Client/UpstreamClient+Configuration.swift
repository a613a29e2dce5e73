//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  extension UpstreamClient {
    /// How many connections a client makes, and how long it waits for what.
    public struct Configuration: Sendable {
      /// The most connections at a time, busy and idle: 128.
      public var maximumConnections = 128
      /// How many of them requests with content leave to those without: 32. Uploads last as long as their senders like. With
      /// fewer than twice as many connections, half of them.
      public var reservedConnections = 32
      /// How many connections only clients with few get, each half of them: 16, but at most an eighth of all. A client that is
      /// alone may use the others, and one that comes need not wait for those that are there.
      public var spareConnections = 16
      /// How long a client with less than its share of the connections waits before an exchange is ended for it, of the
      /// client that holds the most: 1 s. A client that has left or holds the origin up loses its connection at once.
      public var shareTimeout = Duration.seconds(1)
      /// The octets of a request's content that have to be there before a connection is asked for: 32 KiB, or all of it.
      public var contentPrefix = 32 << 10
      /// How long a request waits for a connection when all are busy: 5 s. Clients that hold fewer connections go first.
      public var poolTimeout = Duration.seconds(5)
      /// How long making a connection may take, over all addresses of the host: 5 s.
      public var connectTimeout = Duration.seconds(5)
      /// How long the server may take from the end of the request to the end of the response's head: 60 s.
      public var headTimeout = Duration.seconds(60)
      /// How long the server may pause within the content, while somebody waits for it, or within the reading of a request:
      /// 60 s.
      public var contentTimeout = Duration.seconds(60)
      /// How long a connection is kept for the next request: 30 s. Less than what servers usually do.
      public var idleTimeout = Duration.seconds(30)
      /// The octets of content that are read ahead of whoever reads it: 256 KiB.
      public var bufferSize = 256 << 10
      /// How large a response's parts may be. The content has no limit of its own: it is streamed.
      public var limits = MessageLimits(fieldSection: 64 << 10, fieldCount: 256, body: .max)
      /// Whose threads the client runs on.
      public var loops: EventLoopGroup?

      /// The defaults.
      public init() {}
    }
  }
#endif
