//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport
  @testable import caching_proxy

  /// The command line of caching-proxy.
  @Suite struct ProxyOptionsTests {
    private func settings(_ arguments: [String]) throws -> Settings { try ProxyOptions().settings(arguments) }

    @Test func `a command line without limits has the defaults of the help text`() throws {
      let settings = try settings(["--demo"])
      #expect(settings.server.maximumConnections == 10_000 && settings.server.maximumConnectionsPerClient == 5_000)
      #expect(settings.server.requestMemory == 64 << 20 && settings.server.requestMemoryPerClient == 8 << 20)
      #expect(settings.client.reservedConnections == 32 && settings.client.spareConnections == 16)
      #expect(settings.policy.timeToLive == nil && settings.policy.negativeTimeToLive == nil)
      #expect(!settings.policy.respectsRequestDirectives && settings.policy.respectsCacheControl)
      #expect(!settings.server.treatsHalfCloseAsDisconnect)
    }

    @Test func `what is given is set`() throws {
      let settings = try settings([
        "--origin", "http://127.0.0.1:3000", "--ttl", "5m", "--stale-if-error=1h", "--connections", "100",
        "--request-memory", "4MiB", "--cancel-on-half-close", "--hosts", "example.org", "--jitter", "10",
      ])
      #expect(settings.origin == OriginURL(host: "127.0.0.1", port: 3_000))
      #expect(settings.policy.timeToLive == .seconds(300) && settings.policy.staleIfError == .seconds(3_600))
      #expect(settings.policy.ownAuthorities == ["127.0.0.1:3000"] && settings.policy.lifetimeJitter == 0.1)
      #expect(settings.server.treatsHalfCloseAsDisconnect)
      // A limit for one client follows that for all.
      #expect(settings.server.maximumConnections == 100 && settings.server.maximumConnectionsPerClient == 50)
      #expect(settings.server.requestMemoryPerClient == 512 << 10)
    }

    /// Command lines that contradict themselves, and what their users are told to do.
    static let mistakes: [(arguments: [String], advice: [String])] = [
      ([], ["--origin URL is missing", "--demo"]),
      (["--demo", "--origin", "http://h"], ["--origin and --demo", "give one"]),
      (["--origin", "http://127.0.0.1:8080"], ["where the proxy itself listens", "another port"]),
      (
        ["--demo", "--connections", "100", "--connections-per-client", "101"], ["--connections 100", "raise", "lower"]
      ),
      (["--demo", "--connections-per-client", "10001"], ["--connections 10000"]),
      (["--demo", "--request-memory", "1MiB", "--request-memory-per-client", "2MiB"], ["2MiB", "1MiB", "raise"]),
      (
        ["--demo", "--request-memory", "512KiB"],
        ["an eighth of --request-memory 512KiB = 64KiB is less", "104KiB", "raise --request-memory"]
      ),
      (["--demo", "--request-memory", "10KiB"], ["an eighth of --request-memory 10KiB = 1280 bytes is less"]),
      (["--demo", "--request-memory-per-client", "1000"], ["--request-memory-per-client 1000 bytes is less"]),
      (["--demo", "--maximum-request-head", "16MiB"], ["8MiB", "--maximum-request-head", "lower"]),
      (["--demo", "--request-buffer", "8MiB"], ["--request-buffer"]),
      (["--demo", "--minimum-upload-rate", "32KiB"], ["--sufficient-upload-rate", "lower the minimum"]),
      (["--demo", "--origin-connections", "10", "--origin-connections-reserved", "6"], ["half", "give 5 at most"]),
      (["--demo", "--origin-connections-spare", "17"], ["an eighth of --origin-connections 128", "give 16 at most"]),
      (
        ["--demo", "--soft-timeout", "5s", "--hard-timeout", "5s"],
        ["--soft-timeout 5s", "--hard-timeout 5s", "shorter"]
      ),
      (["--demo", "--ignore-cache-control"], ["add --ttl"]),
      (["--demo", "--cookies", "ignore", "--ignore-cookies", "_ga"], ["leave out --ignore-cookies"]),
      (["--demo", "--origin-lease", "5s"], ["share a store", "add --backend redis://"]),
      (["--demo", "--watch-keys"], ["--backend memory,redis://"]),
      (["--demo", "--watch-keys", "--backend", "memory,memcached://h"], ["--backend memory,redis://"]),
      (["--demo", "--watch-keys", "--backend", "redis://h"], ["--backend memory,redis://"]),
      (["--demo", "--near-ttl", "5s"], ["--backend memory,redis://", "leave it out"]),
      (["--demo", "--near-ttl", "5s", "--backend", "redis://h"], ["--backend memory,redis://", "leave it out"]),
      (["--demo", "--namespace", "site"], ["--backend redis://", "leave it out"]),
      (["--demo", "--name", ""], ["--name: \"\" is not a name"]),
      (["--demo", "--name", "my proxy"], ["--name: \"my proxy\" is not a name"]),
      (["--demo", "--name", "proxy\r\nX: y"], ["is not a name"]),
      (["--demo", "--ttl", "1m", "--refresh-before", "1m"], ["--refresh-before 1m", "--ttl 1m", "shorter"]),
      (["--demo", "--minimum-upload-rate", "1GiB/s"], ["--minimum-upload-rate: 1GiB is too much; the most is 256MiB"]),
      (["--demo", "--respect-client-directives", "--ignore-client-directives"], ["opposite", "give one"]),
    ]

    @Test(arguments: mistakes)
    func `options that contradict each other are refused, with what to do`(
      _ mistake: (arguments: [String], advice: [String])
    ) {
      let error = #expect(throws: CommandLineError.self) { try settings(mistake.arguments) }
      for words in mistake.advice { #expect(error?.message.contains(words) == true, "\(error?.message ?? "")") }
    }

    @Test(arguments: [
      "connect-timeout", "origin-timeout", "origin-content-timeout", "soft-timeout", "hard-timeout",
      "keep-alive-timeout",
      "head-timeout", "body-timeout", "write-timeout", "origin-lease", "near-ttl",
    ])
    func `a time in which nothing could happen is refused`(_ name: String) {
      #expect(throws: CommandLineError("--\(name): 0 is too little; the least is 1ms")) {
        try settings(["--demo", "--\(name)", "0"])
      }
    }

    @Test(arguments: [
      "ttl", "negative-ttl", "stale-while-revalidate", "stale-if-error", "refresh-before", "wait-limit",
      "slow-call-limit",
      "origin-wait", "origin-share-wait", "origin-idle-timeout", "linger-timeout", "shutdown-timeout",
      "maximum-upload-time", "minimum-read-rate", "maximum-body", "maximum-request-body", "maximum-drained-body",
      "request-prefix", "origin-connections-reserved", "origin-connections-spare", "jitter",
    ])
    func `zero is taken where it means something`(_ name: String) throws {
      let settings = try settings(["--demo", "--\(name)", "0"])
      _ = try CacheLayer(backend: InMemoryBackend(), policy: settings.policy)
    }

    @Test(arguments: [
      "capacity", "minimum-upload-rate", "sufficient-upload-rate", "request-buffer", "response-buffer", "origin-buffer",
      "maximum-request-line", "maximum-request-head", "maximum-request-fields", "maximum-chunk-line",
      "maximum-response-head", "maximum-response-fields", "connections", "connections-per-client", "origin-connections",
      "request-memory", "request-memory-per-client", "threads",
    ])
    func `a size with which nothing would work is refused`(_ name: String) {
      #expect(throws: CommandLineError.self) { try settings(["--demo", "--\(name)", "0"]) }
    }

    @Test func `every default can be typed`() throws {
      let words = ["half", "an ", "none", "any", "32, ", "16, "]
      for option in ProxyOptions().options.declarations {
        guard let text = option.defaultText, !words.contains(where: { text.hasPrefix($0) }) else { continue }
        let tiers = ["--demo", "--backend", "memory,redis://127.0.0.1"]
        #expect(throws: Never.self) { try settings(tiers + ["--\(option.name)", text]) }
      }
    }

    @Test func `what is for stores that are shared is taken with them`() throws {
      let settings = try settings([
        "--demo", "--backend", "memory,redis://h", "--near-ttl", "2s", "--namespace", "site", "--watch-keys",
      ])
      #expect(settings.tiers.nearTimeToLive == .seconds(2) && settings.namespace == "site" && settings.watchesKeys)
    }

    @Test(arguments: ["16KiB", "16KiB/s", "16384", "16384/s"]) func `rates may say a second`(_ text: String) throws {
      let settings = try settings(["--demo", "--sufficient-upload-rate", text, "--minimum-read-rate", text])
      #expect(settings.server.contentRate.sufficient == 16_384 && settings.server.minimumReadRate == 16_384)
    }

    @Test func `too few open files are a warning that says how many are needed, and enough are none`() throws {
      let settings = try settings(["--demo", "--connections", "2000", "--origin-connections", "100"])
      let warning = try #require(settings.warning(ofOpenFileLimit: 1_024))
      for words in ["1024 files", "--connections 2000", "3300", "LimitNOFILE", "lower --connections"] {
        #expect(warning.contains(words), "\(warning)")
      }
      #expect(!warning.contains("\n"))
      #expect(settings.warning(ofOpenFileLimit: 3_299) != nil && settings.warning(ofOpenFileLimit: 3_300) == nil)
    }

    @Test func `an address that is taken is said once`() throws {
      let taken = try HTTPServer(configuration: .init(port: 0), service: Handler { _ in CacheResponse() })
      let settings = try settings(["--demo", "--listen", "127.0.0.1:\(taken.address.port)"])
      #expect(throws: CommandLineError("cannot listen on 127.0.0.1:\(taken.address.port): Address already in use")) {
        _ = try Proxy(
          settings, before: OriginURL(host: "127.0.0.1", port: 1), keepingResponsesIn: InMemoryBackend())
      }
    }
  }
#endif
