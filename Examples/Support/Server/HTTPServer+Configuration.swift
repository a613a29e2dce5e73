//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  public import HTTPCache

  extension HTTPServer {
    /// Where a server listens, and what it puts up with.
    public struct Configuration: Sendable {
      /// The address to listen on, or a name for one.
      public var host: String
      /// The port; 0 for any that is free.
      public var port: Int
      /// How large requests may be.
      public var limits = MessageLimits()
      /// How long a connection may wait for its next request: 75 s.
      public var keepAliveTimeout = Duration.seconds(75)
      /// How long a head may take from its first octet to its last: 15 s. Then 408.
      public var headTimeout = Duration.seconds(15)
      /// How long a client may stall, altogether, while the handler waits for content: 30 s. Then 408. Content that arrives
      /// earns time back at the ``contentRate``, so that a trickle does not hold a connection forever.
      public var bodyTimeout = Duration.seconds(30)
      /// How fast a client has to send content: 512 octets a second, more when it announced much.
      public var contentRate = ContentRate()
      /// How long a client may take nothing of a response: 30 s. Then the connection is reset. A client that takes a little
      /// is served on, however long that lasts, unless ``minimumReadRate`` forbids it.
      public var writeTimeout = Duration.seconds(30)
      /// The octets a second that a client must take over a minute, while a connection of an ``UpstreamClient`` is held for
      /// it: 512. Then the connection is reset. 0 for no limit.
      public var minimumReadRate = 512
      /// How long requests in flight are waited for at shutdown: 10 s.
      public var shutdownTimeout = Duration.seconds(10)
      /// How long what a client still sends is read and thrown away behind the last response of a connection: 2 s. (Closing
      /// at once would reset the connection, and the client might lose the response.)
      public var lingerTimeout = Duration.seconds(2)
      /// The most connections at a time: 10 000. One more is answered with 503 and closed.
      public var maximumConnections = 10_000
      /// The most connections of one client address at a time, of an IPv6 network of 64 bits: 5 000. One more is answered
      /// with 503 and closed. Trusted proxies (``forwardedFor``) may have more.
      public var maximumConnectionsPerClient = 5_000
      /// The octets of a request's content that are read ahead of its handler: 64 KiB.
      public var inputBufferSize = 64 << 10
      /// The octets of requests that are held until they are answered, at most: 64 MiB. Counted are heads, also those that go
      /// on, and of each request's content what is read ahead. One more is answered with 503.
      public var requestMemory = 64 << 20
      /// The same for one client: 8 MiB.
      public var requestMemoryPerClient = 8 << 20
      /// The octets of a streamed response that may wait for the client: 256 KiB. Then the stream waits.
      public var outputBufferSize = 256 << 10
      /// The most octets of content that are read and thrown away to save a connection whose handler did not want them.
      public var drainedBodySize = 256 << 10
      /// The octets of large bodies (64 KiB to 4 MiB) of which copies are kept where the kernel can send them from without
      /// copying, while they are sent again and again: 64 MiB. 0 for none.
      public var sendFileSize = 64 << 20
      /// The kernel's send buffer for each connection, in octets; nil leaves it to the kernel.
      public var socketSendBufferSize: Int?
      /// Whether a client that stops sending counts as gone, so that the handler's task is cancelled. A client may do so and
      /// still read (`nc -N`); what is answered without waiting reaches it in any case.
      public var treatsHalfCloseAsDisconnect = true
      /// The way that handlers learn of a client's address: not at all.
      public var forwardedFor = ForwardedFor.off
      /// What a request is answered with when the handler throws: 500, unless this says otherwise.
      public var errorResponse: @Sendable (any Error, CacheRequest) -> CacheResponse = { _, _ in
        HTTPServer.plainResponse(status: 500, text: "The server failed to answer this request.\n")
      }
      /// The answer to a request that is malformed, late, too large, or one too many, before the connection ends. The
      /// request is nil unless its head has arrived whole and is at no fault. The failure's status and reason, unless this
      /// says otherwise.
      public var refusalResponse: @Sendable (ParseFailure, CacheRequest?) -> CacheResponse = { failure, _ in
        var response = HTTPServer.plainResponse(status: failure.status, text: failure.reason + "\n")
        if failure.status == 503 { response.fields.append("Retry-After", "1") }
        return response
      }
      /// Told of what goes wrong: handlers and streams that throw, connections that cannot be accepted.
      public var onError: @Sendable (any Error) -> Void = { _ in }
      /// Whose threads the server runs on.
      public var loops: EventLoopGroup?

      /// A server on `host` and `port` with the defaults for everything else.
      public init(host: String = "127.0.0.1", port: Int = 8080) {
        self.host = host
        self.port = port
      }
    }

    /// A response of one line of text.
    public static func plainResponse(status: Int, text: String) -> CacheResponse {
      CacheResponse(
        status: status,
        fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
        body: Body(text))
    }
  }
#endif
