//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// What passes a proxy beside heads and content of final messages.
  @Suite struct TrailerAndInterimTests {
    static let unsafe = [
      "Cookie: a=b", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6", "Range: bytes=0-1",
      "If-None-Match: \"a\"", "If-Match: \"a\"", "Pragma: no-cache", "Date: x", "Location: /", "Retry-After: 1",
      "WWW-Authenticate: Basic", "Via: 1.1 x", "Warning: 1", "Content-Length: 9", "Transfer-Encoding: chunked",
      "Host: evil",
      "Authorization: a", "Set-Cookie: a=b", "Content-Type: a/b", "Cache-Control: public", "X-Role: admin",
      "X-Real-IP: 6.6.6.6",
      "Access-Control-Allow-Origin: *", "X_Checksum: 1", "Connection: close", "Upgrade: h2c", "Content-Encoding: gzip",
      "Trailer: X-Checksum", "X-HTTP-Method-Override: DELETE", "ETag: \"a\"", "Expires: 0", "Vary: *", "Age: 1",
    ]
    static let safe = ["X-Checksum: 1", "server-timing: db;dur=5", "Repr-Digest: sha-256=:a:", "grpc-status: 0"]

    @Test func `RFC 9110 §6.5.1: to the origin pass the trailers that are known to be harmless`() async throws {
      try await ProxyHarness().run { request in
        let reader = request.body.makeReader()
        while try await reader.next() != nil {}
        let names = (reader.trailers ?? [:]).map { "\($0.name.canonical)" }
        return CacheResponse(body: Body(names.joined(separator: " ")))
      } _: { port in
        let socket = try RawSocket(port: port)
        for announcement in ["", "Trailer: Cookie, X-Checksum\r\n"] {
          let trailers = (Self.unsafe + Self.safe).joined(separator: "\r\n")
          try socket.send(
            "POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\(announcement)Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
              + trailers + "\r\n\r\n")
          #expect(try socket.readResponse().content == "x-checksum server-timing repr-digest grpc-status")
        }
      }
    }

    @Test func `RFC 9110 §6.5.1: to the client pass the trailers that are known to be harmless, also from the cache`()
      async throws
    {
      var sent = HeaderFields()
      for line in Self.unsafe + Self.safe {
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        sent.append(try #require(HeaderName(parts[0])), parts[1])
      }
      let trailers = sent
      try await ProxyHarness().run { _ in
        CacheResponse(
          fields: ["Cache-Control": "max-age=60"], body: Body(CountedSource("hi", count: 2, trailers: trailers)))
      } _: { port in
        for _ in 0..<3 {
          let socket = try RawSocket(port: port)
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n")
          let response = try socket.readToEnd()
          let end = try #require(response.firstRange(of: "\r\n0\r\n"))
          let lines = response[end.upperBound...].split(separator: "\r\n").map { $0.lowercased() }
          #expect(lines == Self.safe.map { $0.lowercased() })
        }
      }
    }

    @Test(arguments: [("X-Role", ["x-role"]), ("x-mine-*", ["x-mine-a"])])
    func `more trailers may be named`(_ list: String, _ names: [String]) throws {
      let permitted = try PermittedTrailers(adding: list)
      let section: HeaderFields = ["X-Role": "1", "X-Mine-A": "2", "Cookie": "3", "X-Checksum": "4"]
      #expect(permitted.filter(section)?.map(\.name.canonical) == names + ["x-checksum"])
      #expect(PermittedTrailers.unrestricted.filter(section)?.count == 3)
      #expect(permitted.filter(["Cookie": "a"]) == nil && permitted.filter(nil) == nil)
    }

    @Test(arguments: [
      "", ",", "Cookie", "content-length", "x-forwarded-for", "a b", "*", "X-Forwarded-*", "Set-Cookie*",
    ])
    func `a list of trailers with a mistake in it is refused`(_ list: String) {
      #expect(throws: CommandLineError.self) { try PermittedTrailers(adding: list) }
    }

    @Test func `RFC 9110 §8.6: an interim response announces no content`() async throws {
      try await withServer { request in
        request.onInformational?(
          InformationalResponse(
            status: 103,
            fields: ["Content-Length": "38", "Transfer-Encoding": "chunked", "Connection": "close", "Link": "l"]))
        return CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try socket.read(through: "\r\n\r\n") == "HTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n")
        #expect(try socket.readResponse().content == "hi")
      }
    }

    @Test func `RFC 9110 §8.6: a Content-Length of a handler or a store is written anew`() async throws {
      try await withServer { request in
        CacheResponse(fields: ["Content-Length": request.path == "/list" ? "2, 2" : "02"], body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        for target in ["/", "/list"] {
          try socket.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\nHEAD \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
          let response = try socket.readResponse()
          #expect(response.head.contains("Content-Length: 2\r\n") && !response.head.contains(": 02"))
          #expect(try socket.readResponse(isHead: true).head.contains("Content-Length: 2\r\n"))
        }
      }
    }

    @Test func `CWE-209: a client is told nothing of an origin that fails`() async throws {
      let scripts: [OriginScript.Script] = [
        { socket in
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send("HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n")
        },
        { socket in _ = try socket.read(through: "\r\n\r\n") },
      ]
      let origin = try OriginScript(scripts[0], scripts[1])
      let client = try origin.client()
      let service = ForwardingService(to: client.origin, through: client)
      try await withServer {
        $0.errorResponse = ProxyResponses(cacheName: "swift-http-cache").response(to:for:)
      } handler: { request in
        try await service.call(request)
      } _: { port in
        let socket = try RawSocket(port: port)
        for _ in 0..<2 {
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          let response = try socket.readResponse()
          #expect(response.head.hasPrefix("HTTP/1.1 502 "))
          #expect(!response.content.contains("SECRET") && !response.content.contains("127.0.0.1"))
          #expect(!response.content.contains("\(origin.port)"))
        }
      }
    }
  }
#endif
