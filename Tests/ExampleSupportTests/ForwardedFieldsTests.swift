//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// The fields that a proxy adds, and that no client can take away or make up.
  @Suite struct ForwardedFieldsTests {
    static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY", "BREW"]

    /// The values of the fields that the origin sees.
    static func seen(_ text: String) -> [String: String] {
      var fields: [String: String] = [:]
      for line in text.split(separator: "\n").dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        let value = parts[1].drop(while: { $0 == " " })
        fields[String(parts[0])] = fields[String(parts[0])].map { "\($0), \(value)" } ?? String(value)
      }
      return fields
    }

    @Test(arguments: [
      "X-Forwarded-For", "x-FORWARDED-for", "close, X-Forwarded-For", "X-Forwarded-For, keep-alive",
      "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Forwarded, Via, Host, X-Real-IP",
      "X-Forwarded-For\r\nConnection: Forwarded\r\nConnection: via", " ,, X-Forwarded-For ,\tForwarded",
      "\"X-Forwarded-For\"",
    ])
    func `RFC 9110 §7.6.1: Connection cannot take away what the proxy adds`(_ connection: String) async throws {
      for isCached in [true, false] {
        try await ProxyHarness(isCached: isCached).run { port in
          for method in Self.methods where method != "HEAD" {
            let socket = try RawSocket(port: port)
            let length = method == "GET" ? "" : "Content-Length: 0\r\n"
            try socket.send(
              "\(method) /\(method) HTTP/1.1\r\nHost: h.example\r\nConnection: \(connection)\r\n\(length)\r\n")
            let seen = Self.seen(try socket.readResponse().content)
            #expect(seen["x-forwarded-for"] == "127.0.0.1", "\(method)")
            #expect(seen["x-forwarded-host"] == "h.example")
            #expect(seen["x-forwarded-proto"] == "http")
            #expect(seen["forwarded"] == "for=127.0.0.1;proto=http;host=\"h.example\"")
            #expect(seen["via"]?.hasPrefix("1.1 swift-http-cache") == true)
            #expect(seen["host"]?.hasPrefix("127.0.0.1:") == true)
          }
        }
      }
    }

    @Test func `RFC 9110 §7.6.1: neither behind another proxy`() async throws {
      try await ProxyHarness(trusted: .loopback).run { port in
        let socket = try RawSocket(port: port)
        for connection in ["", "Connection: x-forwarded-for, forwarded\r\n", ""] {
          try socket.send(
            "GET /a HTTP/1.1\r\nHost: h.example\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n\(connection)\r\n")
          let seen = Self.seen(try socket.readResponse().content)
          #expect(seen["x-forwarded-for"] == "203.0.113.9, 127.0.0.1")
          #expect(
            seen["forwarded"] == "for=203.0.113.9;proto=http;host=\"h.example\", for=127.0.0.1")
        }
      }
    }

    @Test func `RFC 9110 §7.6.1: what Connection lists goes, what decides about the message stays`() async throws {
      try await ProxyHarness().run { port in
        let socket = try RawSocket(port: port)
        try socket.send(
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nAuthorization: a\r\nX-Hop: 1\r\nContent-Type: t/x\r\nCookie: c\r\n"
            + "Connection: Content-Length, Transfer-Encoding, Host, Authorization, Content-Type, x-hop, cookie\r\n\r\nabc"
        )
        let seen = Self.seen(try socket.readResponse().content)
        #expect(seen["content-length"] == "3" && seen["authorization"] == "a" && seen["content-type"] == "t/x")
        #expect(seen["x-hop"] == nil && seen["cookie"] == nil && seen["connection"] == nil)
        try socket.send(
          "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: transfer-encoding, te\r\nTE: gzip, trailers\r\n\r\n"
            + "3\r\nabc\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try socket.readResponse().content.hasPrefix("PUT /\n"))
        #expect(try socket.readResponse().content.hasPrefix("GET /next\n"))
      }
    }

    static let claims = [
      "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 666",
      "Forwarded: for=6.6.6.6;host=evil.example;proto=https", "X-Real-IP: 6.6.6.6", "X-FORWARDED-SERVER: evil.example",
      "X-Forwarded-Prefix: /evil", "X-Forwarded-Scheme: https", "X-Forwarded-Ssl: on", "X-Forwarded: 6.6.6.6",
      "X-Client-IP: 6.6.6.6", "True-Client-IP: 6.6.6.6", "CF-Connecting-IP: 6.6.6.6", "X-Original-Host: evil.example",
      "X-Host: evil.example", "Front-End-Https: on", "X-Cluster-Client-Ip: 6.6.6.6",
      "x-original-forwarded-for: 6.6.6.6", "X-Original-URL: /evil", "X-Rewrite-URL: /evil",
      "Client-IP: 6.6.6.6", "Forwarded-For: 6.6.6.6", "X-Forwarder-For: 6.6.6.6", "Remote-Addr: 6.6.6.6",
      "X-Client-Real-IP: 6.6.6.6", "Cdn-Src-Ip: 6.6.6.6", "X-Remote-User: evil", "REMOTE-USER: evil",
      "X-Backend-Host: evil.example", "Proxy: http://evil.example", "proxy: evil",
    ]

    @Test(arguments: claims)
    func `RFC 7239 §8.1: the claims of a client are replaced`(_ claim: String) async throws {
      try await ProxyHarness(trusted: try TrustedProxies("10.0.0.0/8,::1")).run { port in
        let socket = try RawSocket(port: port)
        for method in ["GET", "POST"] {
          try socket.send(
            "\(method) / HTTP/1.1\r\nHost: h.example\r\n\(claim)\r\nX-Mine: 1\r\nContent-Length: 0\r\n\r\n")
          let content = try socket.readResponse().content
          #expect(!content.contains("6.6.6.6") && !content.contains("evil") && !content.contains("https"))
          let seen = Self.seen(content)
          // As a whole value: the port of the test's own server may have these digits.
          #expect(!seen.values.contains("666") && !content.contains("on\n"))
          #expect(seen["x-forwarded-for"] == "127.0.0.1" && seen["x-mine"] == "1")
          #expect(seen["forwarded"] == "for=127.0.0.1;proto=http;host=\"h.example\"")
        }
      }
    }

    /// A trusted proxy that passes on what it does not know: the client is behind it. The address of a client is believed, and
    /// is no part of the key: an origin that answers by the address says so in its response.
    @Test(arguments: claims.filter { !$0.hasPrefix("X-Forwarded-For") && !$0.hasPrefix("X-Real-IP") })
    func `a claim that a trusted proxy passes on reaches no response that others get`(_ claim: String) async throws {
      try await ProxyHarness(trusted: .loopback).run { request in
        var response = ProxyHarness.echo(request)
        response.fields["Cache-Control"] = "max-age=60"
        return response
      } _: { port in
        let socket = try RawSocket(port: port)
        var content: [String] = []
        for field in ["\(claim)\r\n", ""] {
          try socket.send("GET / HTTP/1.1\r\nHost: h.example\r\n\(field)\r\n")
          content.append(try socket.readResponse().content)
        }
        // Host and scheme are believed, and are part of the key: another request does not get that response.
        let isPartOfKey = ["Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"]
          .contains(String(claim.prefix { $0 != ":" }))
        for text in isPartOfKey ? [content[1]] : content {
          let seen = Self.seen(text)
          #expect(!text.contains("6.6.6.6") && !text.contains("evil") && !text.contains("https"))
          #expect(!seen.values.contains("666") && !text.contains("on\n"))
          #expect(seen["forwarded"] == "for=127.0.0.1;proto=http;host=\"h.example\"")
        }
      }
    }

    @Test func `RFC 9111 §4: what a trusted proxy says is part of what a response is stored under`() async throws {
      try await ProxyHarness(trusted: .loopback).run { request in
        CacheResponse(
          fields: ["Cache-Control": "max-age=60"],
          body: Body("\(request.fields["X-Forwarded-Proto"] ?? "")://\(request.fields["X-Forwarded-Host"] ?? "")"))
      } _: { port in
        let socket = try RawSocket(port: port)
        for _ in 0..<2 {
          for (fields, expected) in [
            ("", "http://h.example"), ("X-Forwarded-Host: other.example\r\n", "http://other.example"),
            ("X-Forwarded-Proto: https\r\n", "https://h.example"),
            (
              "X-Forwarded-Host: other.example\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\n",
              "https://other.example:8443"
            ),
          ] {
            try socket.send("GET / HTTP/1.1\r\nHost: h.example\r\n\(fields)\r\n")
            #expect(try socket.readResponse().content == expected)
          }
        }
      }
    }

    @Test func `with preserved Host the origin is told one host only`() async throws {
      var harness = ProxyHarness(trusted: .loopback)
      harness.forwarding.preservesHost = true
      try await harness.run { port in
        let socket = try RawSocket(port: port)
        try socket.send("GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-Host: h.example\r\nX-Real-IP: 6.6.6.6\r\n\r\n")
        let seen = Self.seen(try socket.readResponse().content)
        #expect(seen["host"] == "h.example" && seen["x-forwarded-host"] == "h.example")
      }
    }
  }
#endif
