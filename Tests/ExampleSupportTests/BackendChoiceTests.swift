//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import HTTPCache
import Testing

@Suite struct BackendChoiceTests {
  static let choices: [(text: String, description: String, isShared: Bool)] = [
    ("memory", "memory", false),
    ("Memory", "Memory", false),
    ("redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379/2", true),
    ("redis://user:p,w@cache:6379", "redis://•••@cache:6379", true),
    ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1", true),
    ("memcached://a:11211,b:11212?weight=2", "memcached://a:11211,b:11212?weight=2", true),
    ("memory,redis://127.0.0.1", "memory,redis://127.0.0.1", true),
    ("memory,memcached://a,b", "memory,memcached://a,b", true),
    ("memcached://a,b,redis://c", "memcached://a,b,redis://c", true),
  ]

  @Test(arguments: choices)
  func `a choice is read, and shown without its password`(_ text: String, _ description: String, _ isShared: Bool)
    throws
  {
    let choice = try BackendChoice(text)
    #expect(choice.description == description)
    #expect(choice.isShared == isShared)
  }

  static let mistakes: [(text: String, message: String)] = [
    ("", "\"\" is no store"),
    ("disk", "\"disk\" is no store"),
    ("127.0.0.1:6379", "\"127.0.0.1:6379\" is no store"),
    ("http://user:secret@a", "\"http://•••@a\" is no store"),
    ("memory:1", "\"memory:1\" is no store"),
    ("memory,", "\"memory,\" is no store"),
    ("redis:a", "it has no scheme"),
    ("redis://a:b:c", "the port \"c\" is not a number"),
    ("rediss://a", "rediss:// asks for TLS"),
    ("memcached://user:secret@a", "authentication (SASL) is not supported"),
    ("memcached://a:port", "\"port\" in memcached://a:port is no port"),
    ("redis://a,memory", "memory is the nearest there is"),
    ("memory,memory", "memory is the nearest there is"),
    ("redis://a,redis://a", "both tiers are the same store"),
    ("memory,redis://a,redis://b", "these are 3 stores"),
  ]

  @Test(arguments: mistakes)
  func `a mistake is explained`(_ text: String, _ message: String) throws {
    let error = try #require(throws: CacheConfigurationError.self) { try BackendChoice(text) }
    #expect(error.message.contains(message))
    #expect(!(text.hasPrefix("http") && error.message.contains("secret")))
    var options = CommandLineOptions(program: "proxy", summary: "A proxy.")
    _ = options.option("backend", .backend, "STORE", "where", default: .memory)
    #expect(throws: CommandLineError("--backend: \(error.message)")) { try options.parse(["--backend", text]) }
  }

  @Test func `a server that is not there is a problem that is told, not an error`() async throws {
    // Nobody listens on port 1.
    let opened = try BackendChoice("redis://127.0.0.1:1,memcached://127.0.0.1:1").open(capacity: 1 << 20)
    let problems = await opened.problems()
    #expect(problems.count == 2)
    #expect(problems.allSatisfy { $0.contains("127.0.0.1:1 cannot be used now") })
    // What is wrong is said once.
    #expect(
      problems.first?.contains("now (Redis: 127.0.0.1:1 cannot be reached: Connection refused);") == true, "\(problems)"
    )
    #expect(opened.backend is any LeasingBackend)
    await opened.shutdown()
  }

  @Test func `memory has no problems, and a capacity of nothing is refused`() async throws {
    let opened = try BackendChoice.memory.open(capacity: 1 << 20)
    #expect(await opened.problems().isEmpty)
    #expect(throws: CacheConfigurationError.self) { try BackendChoice.memory.open(capacity: 0) }
  }
}
