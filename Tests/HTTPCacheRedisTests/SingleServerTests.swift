//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct SingleServerTests {
    @Test func `commands are answered, one and many, with every type there is`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      #expect(try await client.send(RedisCommand("SET", key: "a", "1")) == .status("OK"))
      #expect(try await client.send(RedisCommand("GET", key: "a")) == .bulk("1"))
      #expect(try await client.send(RedisCommand("GET", key: "none")) == .null)
      let replies = try await client.send([
        RedisCommand("INCR", key: "a"), RedisCommand("LPUSH", key: "a", "x"), RedisCommand("MGET", ["a", "none"]),
      ])
      #expect(replies[0] == .integer(2))
      #expect(replies[1].error?.code == .wrongType)
      #expect(replies[2] == .array([.bulk("2"), .null]))
      #expect(await code { try await client.send(RedisCommand("LPUSH", key: "a", "x")) } == .wrongType)
      #expect(await code { try await client.send(RedisCommand("NONSENSE")) } == .serverError)
      #expect(client.statistics.failures[.wrongType] == 2)
      await client.shutdown()
      #expect(await code { try await client.send(RedisCommand("PING")) } == .shutDown)
    }

    @Test func `a Unix socket, a database of one's own and a name`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client {
        $0.mode = .single(.unixSocket(server.socketPath))
        $0.database = 3
        $0.clientName = "the-cache"
      }
      _ = try await client.send(RedisCommand("SET", key: "k", "v"))
      #expect(try server.command("-n", "3", "GET", "k") == "v")
      #expect(try server.command("CLIENT", "LIST").contains("name=the-cache"))
      await client.shutdown()
    }

    @Test func `a host is found by its name`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client { $0.mode = .single(.tcp(host: "localhost", port: server.port)) }
      #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
      await client.shutdown()
    }

    @Test func `a host that does not exist, and a port where nobody listens, are told apart and fail at once`()
      async throws
    {
      var configuration = RedisConfiguration(mode: .single(.tcp(host: "no-such-host.invalid")))
      let nowhere = try RedisClient(configuration)
      try await eventually("no cause is given") {
        await code { try await nowhere.send(RedisCommand("PING")) } == .resolutionFailed
      }
      configuration.mode = .single(.tcp(port: try RedisServerProcess.freePort()))
      let closed = try RedisClient(configuration)
      try await eventually("no cause is given") {
        await code { try await closed.send(RedisCommand("PING")) } == .connectFailed
      }
      await nowhere.shutdown()
      await closed.shutdown()
    }

    @Test func `passwords and users: right, wrong, missing, and one who may do little`() async throws {
      let server = try RedisServerProcess(password: "s3cret")
      _ = try server.command("ACL", "SETUSER", "cache", "on", ">pw", "~c:*", "+get", "+set", "+ping")
      let right = try await server.client { $0.credentials = RedisCredentials(password: "s3cret") }
      #expect(try await right.send(RedisCommand("PING")) == .status("PONG"))
      let user = try await server.client { $0.credentials = RedisCredentials(username: "cache", password: "pw") }
      #expect(try await user.send(RedisCommand("SET", key: "c:1", "v")) == .status("OK"))
      #expect(await code { try await user.send(RedisCommand("SET", key: "d:1", "v")) } == .permissionDenied)
      await right.shutdown()
      await user.shutdown()

      for (credentials, expected) in [
        (RedisCredentials(password: "wrong"), RedisError.Code.authenticationFailed), (nil, .authenticationRequired),
      ] {
        let client = try RedisClient(RedisConfiguration(mode: .single(server.endpoint), credentials: credentials))
        try await eventually("the cause is not given") {
          await code { try await client.send(RedisCommand("PING")) } == expected
        }
        #expect(client.statistics.failures[expected] != nil)
        await client.shutdown()
      }
    }

    @Test func `many callers share the connection, and each gets its own answer`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<200 {
          group.addTask {
            for round in 0..<20 {
              let key = RedisCommand.Argument.text("k\(task)")
              let expected = value(task &+ round, count: 10 + (task * 37 + round * 101) % 5000)
              let replies = try await client.send([
                RedisCommand("SET", key: key, .bytes(expected)), RedisCommand("GET", key: key),
              ])
              #expect(replies == [.status("OK"), .bulk(expected)])
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(client.statistics.connectionsMade == 1)
      await client.shutdown()
    }

    @Test func `large values arrive whole, and travel on a connection of their own`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client { ($0.commandTimeout, $0.headOfLineTimeout) = (.seconds(20), .seconds(20)) }
      for size in [16383, 16384, 65536, 1 << 20, 20 << 20] {
        let expected = value(size, count: size)
        let key = RedisCommand.Argument.text("large\(size)")
        #expect(try await client.send(RedisCommand("SET", key: key, .bytes(expected))) == .status("OK"))
        var get = RedisCommand("GET", key: key)
        get.hasLargeReply = size >= client.configuration.largeValueThreshold
        for _ in 0..<3 { #expect(try await client.send(get) == .bulk(expected)) }
        #expect(
          try await client.send([get, RedisCommand("PING")]) == [
            .bulk(expected), .status("PONG"),
          ])
      }
      try await eventually("no second connection was made") { client.statistics.connectionsMade == 2 }
      // Small ones among large ones: they are not stuck behind them.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            var get = RedisCommand("GET", key: .text("large\(20 << 20)"))
            get.hasLargeReply = true
            for _ in 0..<5 { _ = try await client.send(get) }
          }
        }
        let first = try await client.send(RedisCommand("CLIENT", ["ID"])).integer
        for _ in 0..<50 { #expect(try await client.send(RedisCommand("CLIENT", ["ID"])).integer == first) }
        try await group.waitForAll()
      }
      await client.shutdown()
    }

    @Test func `one who does not wait any longer harms nobody`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      let before = try await RedisServerProcess.connectionID(client)
      server.pause()
      let tasks = (0..<20).map { number in
        Task { try await client.send(RedisCommand("SET", key: "abandoned", .integer(Int64(number)))) }
      }
      let patient = Task { try await client.send(RedisCommand("ECHO", ["mine"])) }
      for task in tasks { task.cancel() }
      for task in tasks {
        let error = await #expect(throws: RedisError.self) { try await task.value }
        #expect(error?.code == .cancelled)
      }
      server.resume()
      #expect(try await patient.value == .bulk("mine"))
      #expect(try await RedisServerProcess.connectionID(client) == before, "the connection is still the same")
      await client.shutdown()
    }

    @Test func `a slow command costs its caller the timeout, and nobody the connection`() async throws {
      let server = try RedisServerProcess(options: ["--enable-debug-command", "yes"])
      let client = try await server.client { $0.commandTimeout = .milliseconds(150) }
      let before = try await RedisServerProcess.connectionID(client)
      let start = ContinuousClock.now
      #expect(await code { try await client.send(RedisCommand("DEBUG", ["SLEEP", "2"])) } == .commandTimedOut)
      #expect(ContinuousClock.now - start < .seconds(1.5))
      try await eventually("it does not answer again") {
        await code { try await client.send(RedisCommand("PING")) } == nil
      }
      #expect(try await RedisServerProcess.connectionID(client) == before)
      await client.shutdown()
    }

    @Test func `a server that hangs is noticed, left alone, and used again when it has come to`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client {
        $0.commandTimeout = .milliseconds(50)
        $0.headOfLineTimeout = .milliseconds(150)
        $0.connectTimeout = .milliseconds(100)
        $0.circuitBreaker = .init(
          failureThreshold: 3, openDuration: .milliseconds(50), maximumOpenDuration: .milliseconds(100))
      }
      server.pause()
      var codes: Set<RedisError.Code> = []
      try await eventually("not all that should happen does: \(codes)") {
        let asked = ContinuousClock.now
        if let code = await code({ try await client.send(RedisCommand("PING")) }) { codes.insert(code) }
        #expect(ContinuousClock.now - asked < .seconds(2), "nobody waits much longer than the timeout")
        let failures = client.statistics.failures
        return codes.isSuperset(of: [.commandTimedOut, .circuitOpen]) && failures[.headOfLineTimedOut] != nil
          && failures[.connectTimedOut] != nil
      }
      #expect(client.statistics.circuitOpenings > 0)
      server.resume()
      try await eventually("it is not used again") { await code { try await client.send(RedisCommand("PING")) } == nil }
      await client.shutdown()
    }

    @Test func `kill and restart under load: everybody is told at once, and it goes on without anybody's help`()
      async throws
    {
      let server = try RedisServerProcess()
      let client = try await server.client()
      let load = (0..<50).map { number in
        Task {
          var answers = 0
          var longest = Duration.zero
          while !Task.isCancelled {
            let start = ContinuousClock.now
            let reply = try? await client.send(RedisCommand("ECHO", [.integer(Int64(number))]))
            longest = max(longest, ContinuousClock.now - start)
            if let reply {
              #expect(reply == .bulk(Bytes("\(number)")))
              answers += 1
            }
            try? await Task.sleep(for: .milliseconds(1))
          }
          return (answers, longest)
        }
      }
      for _ in 0..<3 {
        try await Task.sleep(for: .milliseconds(50))
        server.kill()
        try await eventually("nobody notices") { await code { try await client.send(RedisCommand("PING")) } != nil }
        try server.start()
        try await eventually("it is not used again") {
          await code { try await client.send(RedisCommand("PING")) } == nil
        }
      }
      for task in load { task.cancel() }
      for task in load {
        let (answers, longest) = await task.value
        #expect(answers > 0)
        #expect(longest < .seconds(3))
      }
      #expect(client.statistics.failures[.connectionLost] != nil)
      await client.shutdown()
    }

    @Test func `what is too much is refused at once`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client { $0.maximumQueuedCommands = 10 }
      server.pause()
      let waiting = (0..<10).map { _ in Task { try await client.send(RedisCommand("PING")) } }
      try await eventually("the queue does not fill") {
        await code { try await client.send((0..<11).map { _ in RedisCommand("PING") }) } == .queueFull
      }
      server.resume()
      for task in waiting { _ = try await task.value }
      await client.shutdown()
    }

    @Test func `a script is sent only to a server that does not have it`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
      for round in 1...3 {
        if round == 3 { _ = try server.command("SCRIPT", "FLUSH") }
        let reply = try await client.evaluate(script, keys: ["counter"], arguments: ["x"])
        #expect(reply == .array([.bulk("counter"), .bulk("x"), .integer(Int64(round))]))
      }
      #expect(try server.command("INFO", "commandstats").contains("cmdstat_eval:calls=2"))
      await client.shutdown()
    }

    @Test func `full and read-only servers say so`() async throws {
      let server = try RedisServerProcess(options: ["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"])
      let client = try await server.client()
      var found: RedisError.Code?
      for number in 0..<200 where found == nil {
        found = await code {
          try await client.send(RedisCommand("SET", key: .text("k\(number)"), .bytes(value(number, count: 30_000))))
        }
      }
      #expect(found == .outOfMemory)
      #expect(await code { try await client.send(RedisCommand("GET", key: "k0")) } == nil, "it can still be read")
      _ = try server.command("REPLICAOF", "127.0.0.1", "1")
      #expect(await code { try await client.send(RedisCommand("SET", key: "a", "b")) } == .readOnlyReplica)
      await client.shutdown()
    }

    @Test func `a thousand reconnects leave nothing behind`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client {
        $0.reconnect = .init(minimum: .milliseconds(1), maximum: .milliseconds(1))
      }
      // What it listens with comes back, too.
      let subscriber = client.subscribe(channels: ["news"], tracking: .init(prefix: "ns:")) { _ in }
      func reconnect(_ count: Int) async throws {
        for _ in 0..<count {
          var made = client.statistics.connectionsMade
          _ = await code { try await client.send(RedisCommand("QUIT")) }
          try await eventually("it does not come back") { client.statistics.connectionsMade > made }
          made = client.statistics.connectionsMade
          _ = await code { try await client.send(RedisCommand("CLIENT", ["KILL", "TYPE", "pubsub"])) }
          try await eventually("the subscriber does not come back") { client.statistics.connectionsMade > made }
        }
      }
      // What is kept once and for all is there by then.
      try await reconnect(100)
      let before = Holdings.present
      try await reconnect(1000)
      let after = Holdings.present
      #expect(client.statistics.connectionsMade > 2200)
      // Other tests run beside this one, and have descriptors of their own.
      #expect(after.descriptors < before.descriptors + 100, "\(before); \(after)")
      #expect(after.threads < before.threads + 50, "\(before); \(after)")
      // Less than half a KiB for each: a connection that is kept takes several.
      try await eventually("memory is lost: \(before); \(after)") {
        Holdings.present.heap < before.heap + 1000 * 512
      }
      subscriber.close()
      await client.shutdown()
    }

    @Test func `a client that is shut down or dropped ends its thread and everybody's waiting`() async throws {
      let server = try RedisServerProcess()
      var client: RedisClient? = try await server.client()
      server.pause()
      let shared = try #require(client)
      let waiting = Task { try await shared.send(RedisCommand("PING")) }
      try await Task.sleep(for: .milliseconds(20))
      await shared.shutdown()
      let error = await #expect(throws: RedisError.self) { try await waiting.value }
      #expect(error?.code == .shutDown)
      server.resume()
      client = try await server.client()
      weak let dropped = client
      client = nil
      try await eventually("the client is kept by somebody") { dropped == nil }
      try await eventually("the connection stays open") {
        try server.command("CLIENT", "LIST").split(separator: "\n").count == 1
      }
    }
  }
}
