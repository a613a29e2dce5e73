//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Requests of several clients for the same resource, some of them collapsed, before an origin that has no connection left.
  @Suite(.timeLimit(.minutes(2))) struct FairCollapsingTests {
    /// Requests for one target that the cache does not collapse with a plain one.
    enum Uncollapsed: CaseIterable, Sendable {
      case authorization, range, host, head, noStore, options, uncacheable

      func request(_ number: Int, target: String) -> CacheRequest {
        var request = CacheRequest(authority: "site", target: target)
        switch self {
        case .authorization: request.fields["Authorization"] = "Bearer \(number)"
        case .range: request.fields["Range"] = "bytes=\(number)-"
        case .host: request.authority = "h\(number).test"
        case .head: request.method = .head
        case .options: request.method = "OPTIONS"
        case .noStore: request.fields["Cache-Control"] = "no-store"
        case .uncacheable: break
        }
        return request
      }
    }

    private let attacker = "10.0.0.1"
    private let victim = "10.0.0.2"
    /// The time that the origin takes for a response. The attacker's 400 requests, 14 at a time, take 30 times as long.
    private static let delay = Duration.milliseconds(400)

    /// A cache before an origin with 16 connections, two of them spare. The origin's first `failures` responses for `/failing`
    /// are 500, and those for `/endless…` never come.
    private struct Proxy: Sendable {
      let service: AnyService
      let client: UpstreamClient
      /// The number of calls of the client so far.
      let callCount: Guarded<Int>

      func ask(_ request: CacheRequest, from address: String) async throws -> CacheResponse {
        try await RequestClient.$current.withValue(RequestClient(ClientAddress(address))) {
          var response = try await service.call(request)
          response.body = Body(try await response.body.collect())
          return response
        }
      }

      /// Asks, and says how long that took.
      func time(_ request: CacheRequest, from address: String) async -> (response: CacheResponse?, time: Duration) {
        let start = ContinuousClock.now
        let response = try? await ask(request, from: address)
        return (response, ContinuousClock.now - start)
      }
    }

    private func withProxy(
      connections: Int = 16, _ body: @Sendable (_ proxy: Proxy) async throws -> Void
    ) async throws {
      let failingCalls = Guarded(0)
      var originConfiguration = HTTPServer.Configuration(port: 0)
      originConfiguration.shutdownTimeout = .zero
      let origin = try HTTPServer(
        configuration: originConfiguration,
        service: Handler { request in
          try await Task.sleep(for: request.target.hasPrefix("/endless") ? .seconds(3_600) : Self.delay)
          if request.target == "/failing",
            failingCalls.withLock({
              $0 += 1; return $0 == 1
            })
          {
            return CacheResponse(status: 500)
          }
          let isCacheable = !request.target.hasPrefix("/private")
          return CacheResponse(fields: ["Cache-Control": isCacheable ? "max-age=60" : "no-store"], body: "hello")
        })
      let run = Task { try await origin.run() }
      var configuration = UpstreamClient.Configuration()
      configuration.maximumConnections = connections
      configuration.shareTimeout = .milliseconds(100)
      let client = UpstreamClient(
        origin: OriginURL(host: "127.0.0.1", port: origin.address.port), configuration: configuration)
      let callCount = Guarded(0)
      let upstream = Handler { request in
        callCount.withLock { $0 += 1 }
        return try await client.call(request)
      }
      let cached = upstream.layer(try CacheLayer(backend: InMemoryBackend()))
      let service = AnyService(FairCollapsing(before: cached, sharing: client))
      try await body(Proxy(service: service, client: client, callCount: callCount))
      origin.shutdown()
      try await run.value
    }

    /// Has the attacker send 400 requests of its own and then `requests`, and runs `body` when these are in line.
    private func flood(
      _ proxy: Proxy, with requests: [CacheRequest], _ body: () async throws -> Void
    ) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        let own = (0..<400).map { CacheRequest(authority: "site", target: "/own\($0)") }
        for (number, request) in (own + requests).enumerated() {
          if number >= own.count { #expect(await eventually { proxy.callCount.withLock { $0 } >= number }) }
          group.addTask { _ = try? await proxy.ask(request, from: attacker) }
        }
        #expect(await eventually { proxy.callCount.withLock { $0 } >= own.count + requests.count })
        try await body()
        group.cancelAll()
      }
    }

    @Test(arguments: Uncollapsed.allCases)
    func `requests that are not collapsed with a client's own do not use its share`(_ kind: Uncollapsed) async throws {
      let target = kind == .uncacheable ? "/private" : "/page"
      try await withProxy { proxy in
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<400 {
            group.addTask { _ = try? await proxy.ask(kind.request(number, target: target), from: attacker) }
          }
          #expect(await eventually { proxy.client.waitingCount >= 300 })
          for round in 0..<3 {
            let own = CacheRequest(authority: "site", target: round == 0 ? target : "\(target)?\(round)")
            let (response, time) = await proxy.time(own, from: victim)
            #expect(response?.status == 200 && time < .seconds(3), "round \(round): \(time)")
          }
          group.cancelAll()
        }
      }
    }

    @Test(arguments: [nil] + Uncollapsed.allCases.filter { $0 != .uncacheable }.map(Optional.some))
    func `a page that another client has asked for first does not take longer`(_ decoy: Uncollapsed?) async throws {
      try await withProxy { proxy in
        // Whatever else the attacker asks for by the same target.
        let decoys = (0..<80).compactMap { decoy?.request($0, target: "/wanted") }
        let wanted = CacheRequest(authority: "site", target: "/wanted")
        try await flood(proxy, with: decoys.prefix(40) + [wanted] + decoys.dropFirst(40)) {
          let (response, time) = await proxy.time(wanted, from: victim)
          #expect(response?.status == 200 && time < .seconds(3), "\(time)")
          #expect(response?.fields["Cache-Status"]?.contains("collapsed") == true)
          #expect(proxy.client.followerCount == 0)
        }
      }
    }

    @Test func `a second attempt for the same page uses the share of those who wait for it, too`() async throws {
      try await withProxy { proxy in
        let failing = CacheRequest(authority: "site", target: "/failing")
        try await flood(proxy, with: [failing]) {
          let (response, time) = await proxy.time(failing, from: victim)
          #expect(response?.status == 200 && time < .seconds(3), "\(time)")
        }
      }
    }

    @Test func `whoever gives up waiting for another's response is forgotten`() async throws {
      try await withProxy { proxy in
        let wanted = (0..<10).map { CacheRequest(authority: "site", target: "/wanted\($0)") }
        try await flood(proxy, with: wanted) {
          for request in wanted {
            let task = Task { try await proxy.ask(request, from: victim) }
            #expect(await eventually { proxy.client.followerCount > 0 })
            task.cancel()
            _ = await task.result
            #expect(proxy.client.followerCount == 0)
          }
        }
      }
    }

    @Test func `a response that a client with less than its share waits for, too, is not ended`() async throws {
      try await withProxy(connections: 4) { proxy in
        let ended = Guarded<[String]>([])
        await withTaskGroup(of: Void.self) { group in
          func begin(_ target: String, from address: String) {
            group.addTask {
              do {
                _ = try await proxy.ask(CacheRequest(target: target), from: address)
              } catch {
                ended.withLock { $0.append("\(target) of \(address)") }
              }
            }
          }
          for number in 0..<4 {
            begin("/endless\(number)", from: attacker)
            #expect(await eventually { proxy.callCount.withLock { $0 } > number })
          }
          // The one that has been under way longest.
          begin("/endless0", from: victim)
          #expect(await eventually { proxy.client.followerCount > 0 })
          let (response, _) = await proxy.time(CacheRequest(target: "/other"), from: "10.0.0.3")
          #expect(response?.status == 200)
          #expect(ended.withLock { $0 } == ["/endless1 of \(attacker)"])
          group.cancelAll()
        }
      }
    }

    @Test func `the interest in a response lasts until the end of its content`() async throws {
      try await withProxy { proxy in
        let call = Guarded<OriginCall?>(nil)
        let handler = Handler { _ in
          call.withLock { $0 = .current }
          return CacheResponse()
        }
        _ = try await handler.layer(CacheLayer(backend: InMemoryBackend())).call(CacheRequest(target: "/"))
        let anyCall = try #require(call.withLock { $0 })
        func body() -> Body {
          RequestClient.$current.withValue(RequestClient(ClientAddress(victim))) {
            let interest = proxy.client.interest()
            interest?.begin(in: anyCall)
            return interest?.lasting(to: Body(CountedSource("x", count: 2, trailers: ["X": "y"]))) ?? "none"
          }
        }
        let reader = body().makeReader()
        #expect(try await reader.next() == "x")
        #expect(proxy.client.followerCount == 1)
        #expect(try await reader.next() == "x")
        #expect(try await reader.next() == nil)
        #expect(reader.trailers?["X"] == "y" && proxy.client.followerCount == 0)
        let cancelled = body().makeReader()
        #expect(proxy.client.followerCount == 1)
        cancelled.cancel()
        #expect(proxy.client.followerCount == 0)
      }
    }
  }
#endif
