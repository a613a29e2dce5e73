//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheRedis

/// What needs no server: addresses, slots, waiting times, names of scripts.
@Suite struct PureTests {
  @Test(
    arguments: [
      ("redis://localhost", RedisEndpoint.tcp(host: "localhost", port: 6379), nil, 0),
      ("redis://10.0.0.1:7000/3", .tcp(host: "10.0.0.1", port: 7000), nil, 3),
      (
        "redis://user:p%40ss%3Aw%2Ford@h:1/0", .tcp(host: "h", port: 1),
        RedisCredentials(username: "user", password: "p@ss:w/ord"), 0
      ),
      ("redis://:secret@h", .tcp(host: "h", port: 6379), RedisCredentials(password: "secret"), 0),
      ("redis://[::1]:6380/1", .tcp(host: "::1", port: 6380), nil, 1),
      ("REDIS://h?db=4", .tcp(host: "h", port: 6379), nil, 4),
      ("unix:///run/redis.sock", .unixSocket("/run/redis.sock"), nil, 0),
      (
        "unix://u:p@/run/a%20b.sock?db=2", .unixSocket("/run/a b.sock"), RedisCredentials(username: "u", password: "p"),
        2
      ),
    ] as [(String, RedisEndpoint, RedisCredentials?, Int)])
  func `a URL says where, who and which database`(
    url: String, endpoint: RedisEndpoint, credentials: RedisCredentials?, database: Int
  ) throws {
    let configuration = try RedisConfiguration(url: url)
    #expect(configuration.mode == .single(endpoint))
    #expect(configuration.credentials == credentials)
    #expect(configuration.database == database)
    try configuration.validate()
  }

  @Test(arguments: [
    ("", "scheme"), ("localhost:6379", "scheme"), ("http://h", "scheme"), ("rediss://h", "TLS"), ("redis://", "host"),
    ("redis://h:0", "port"), ("redis://h:65536", "port"), ("redis://h:x", "port"), ("redis://h/x", "database"),
    ("redis://h/-1", "database"), ("redis://user@h", "password"), ("redis://:%zz@h", "percent"),
    ("redis://h?a=b", "db="),
    ("unix://relative/path", "path"), ("unix://", "path"), ("redis://[::1", "closed"), ("redis://[::1]x", "port"),
    ("unix:///" + String(repeating: "x", count: 120), "longer"),
  ])
  func `a URL that makes no sense is refused with the reason and without the password`(url: String, word: String) {
    let error = #expect(throws: CacheConfigurationError.self) { try RedisConfiguration(url: url) }
    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
  }

  @Test func `no password gets into a description`() throws {
    let configuration = try RedisConfiguration(url: "redis://me:hunter2@h")
    #expect(!"\(configuration)".contains("hunter2"))
    let error = #expect(throws: CacheConfigurationError.self) { try RedisConfiguration(url: "redis://me:hunter2@") }
    #expect(error?.message.contains("hunter2") == false)
  }

  @Test(
    arguments: [
      { $0.database = -1 }, { $0.clientName = "a b" }, { $0.clientName = "" }, { $0.connectionsPerHost = 0 },
      { $0.largeValueThreshold = 0 }, { $0.eventLoopCount = 0 }, { $0.commandTimeout = .zero },
      { $0.connectTimeout = .zero },
      { $0.headOfLineTimeout = .milliseconds(10) }, { $0.maximumQueuedCommands = 0 }, { $0.maximumQueuedBytes = 0 },
      { $0.reconnect.minimum = .zero }, { $0.reconnect.maximum = .milliseconds(1) },
      { $0.circuitBreaker.failureThreshold = 0 }, { $0.circuitBreaker.maximumOpenDuration = .zero },
      { $0.keepAlive = .zero }, { $0.namespace = "" }, { $0.namespace = "a b" }, { $0.namespace = "{a}" },
      { $0.mode = .cluster(seeds: []) }, { $0.mode = .sentinel(master: "", sentinels: [.tcp()]) },
      { $0.mode = .sentinel(master: "m", sentinels: []) },
      {
        $0.mode = .cluster(seeds: [.tcp()])
        $0.database = 1
      },
    ] as [@Sendable (inout RedisConfiguration) -> Void])
  func `a configuration that makes no sense is refused`(change: @Sendable (inout RedisConfiguration) -> Void) throws {
    var configuration = RedisConfiguration()
    try configuration.validate()
    change(&configuration)
    #expect(throws: CacheConfigurationError.self) { try configuration.validate() }
  }

  // The values are those that `CLUSTER KEYSLOT` of Redis 7.0 gives.
  @Test(arguments: [
    ("", 0), ("123456789", 12739), ("foo", 12182), ("bar", 5061), ("user1000", 3443), ("{user1000}.following", 3443),
    ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061), ("{}", 15257),
  ])
  func `slots are those of the cluster specification`(key: String, slot: Int) {
    #expect(HashSlot.of(key) == slot)
  }

  @Test func `a command's slot is that of its key`() {
    #expect(HashSlot.of(RedisCommand("GET", key: "foo")) == 12182)
    let script = RedisScript("return 1")
    #expect(HashSlot.of(script.command(isKnown: true, keys: ["foo"], arguments: [], isIdempotent: true)) == 12182)
    #expect(HashSlot.of(RedisCommand("PING")) == nil)
  }

  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
    (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    (String(repeating: "a", count: 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
    (String(repeating: "a", count: 56), "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
    (String(repeating: "a", count: 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
  ])
  func `a script is named by its SHA-1`(text: String, digest: String) {
    #expect(SHA1.hexadecimal(text) == digest)
  }

  @Test func `waiting times double up to the maximum, are random below, and begin anew after a success`() {
    var backoff = ReconnectBackoff(minimum: 10, maximum: 100)
    #expect((0..<6).map { _ in backoff.next(random: 1) } == [10, 20, 40, 80, 100, 100])
    #expect(backoff.next(random: 0) == 0)
    #expect(backoff.next(random: 0.5) == 50)
    backoff.reset()
    #expect(backoff.next(random: 1) == 10)
  }

  @Test func `callers are many as soon as many are answered at once, and few only some time after`() {
    var callers = CallerEstimate()
    for _ in 0..<10 { callers.answered(1) }
    #expect(!callers.areMany)
    callers.answered(16)
    #expect(callers.areMany)
    callers.answered(1)
    #expect(callers.areMany)
    for _ in 0..<10 { callers.answered(1) }
    #expect(!callers.areMany)
    callers.answered(4)
    #expect(callers.areMany)
  }

  @Test(arguments: [
    ("MOVED 3999 127.0.0.1:6381", Redirection.Kind.moved, 3999, "127.0.0.1", 6381),
    ("ASK 16383 ::1:7000", .ask, 16383, "::1", 7000), ("MOVED 0 :6380", .moved, 0, "", 6380),
  ])
  func `redirections are understood`(message: String, kind: Redirection.Kind, slot: Int, host: String, port: Int) throws
  {
    let redirection = try #require(Redirection(message))
    #expect(redirection.kind == kind && redirection.slot == slot)
    #expect(redirection.host == host && redirection.port == port)
  }

  @Test(arguments: ["MOVED", "MOVED x 1:1", "MOVED 16384 h:1", "MOVED 1 h", "MOVED 1 h:0", "ERR MOVED 1 h:1", ""])
  func `what is no redirection is none`(message: String) { #expect(Redirection(message) == nil) }

  @Test(arguments: [
    ("WRONGPASS invalid username-password pair", RedisError.Code.authenticationFailed),
    ("ERR AUTH <password> called without any password configured", .authenticationFailed),
    ("NOAUTH Authentication required.", .authenticationRequired), ("NOPERM this user", .permissionDenied),
    ("READONLY You can't write against a read only replica.", .readOnlyReplica),
    ("OOM command not allowed when used memory > 'maxmemory'.", .outOfMemory), ("LOADING Redis is loading", .loading),
    ("MASTERDOWN Link with MASTER is down", .masterDown), ("CLUSTERDOWN Hash slot not served", .clusterDown),
    ("TRYAGAIN Multiple keys", .clusterDown), ("NOSCRIPT No matching script", .noScript), ("BUSY Redis is busy", .busy),
    ("WRONGTYPE Operation against", .wrongType), ("ERR max number of clients reached", .tooManyClients),
    ("ERR unknown command", .serverError), ("", .serverError),
  ])
  func `the server's errors are told apart`(message: String, code: RedisError.Code) {
    #expect(RedisError(serverMessage: message).code == code)
  }

  @Test func `the topology follows what CLUSTER SLOTS says and what nodes correct`() throws {
    let node: (Int64, Int64, String, Int64) -> RedisReply = { first, last, host, port in
      .array([.integer(first), .integer(last), .array([.bulk(Bytes(host)), .integer(port), .bulk("id"), .array([])])])
    }
    let asked = RedisEndpoint.tcp(host: "seed", port: 1)
    var topology = try #require(
      ClusterTopology(slots: .array([node(0, 99, "a", 7), node(100, 16383, "", 8)]), asked: asked))
    #expect(topology.owner(of: 99) == .tcp(host: "a", port: 7))
    #expect(topology.owner(of: 100) == .tcp(host: "seed", port: 8))
    #expect(topology.isComplete)
    topology.assign(5, to: .tcp(host: "c", port: 9))
    #expect(topology.owner(of: 5) == .tcp(host: "c", port: 9))
    #expect(topology.owner(of: 6) == .tcp(host: "a", port: 7))
    for nonsense in [node(5, 4, "a", 1), node(0, 16384, "a", 1), node(0, 1, "a", 0), .array([.integer(1)]), .null] {
      #expect(ClusterTopology(slots: .array([nonsense]), asked: asked) == nil)
    }
  }
}
