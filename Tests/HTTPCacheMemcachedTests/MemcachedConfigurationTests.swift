//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheMemcached
import Testing

@Suite struct MemcachedConfigurationTests {
  @Test(arguments: [
    ("memcached://cache1", [MemcachedHost("cache1")]),
    ("memcached://cache1:1234/", [MemcachedHost("cache1", port: 1234)]),
    (
      "memcached://a:1,b:2?weight=3,c?weight=2",
      [MemcachedHost("a", port: 1), MemcachedHost("b", port: 2, weight: 3), MemcachedHost("c", weight: 2)]
    ),
    ("MEMCACHED://[::1]:11212", [MemcachedHost("::1", port: 11212)]),
    ("memcached://[fe80::2]", [MemcachedHost("fe80::2")]),
    (
      "memcached:///run/memcached.sock?weight=2,b",
      [MemcachedHost(unixSocket: "/run/memcached.sock", weight: 2), MemcachedHost("b")]
    ),
  ])
  func `a URL names the hosts`(url: String, hosts: [MemcachedHost]) throws {
    #expect(try MemcachedConfiguration(url: url).hosts == hosts)
  }

  @Test(arguments: [
    ("redis://a", "must begin with memcached://"), ("memcached://", "without a name"),
    ("memcached://a,,b", "without a name"), ("memcached://a:x", "\"x\" in"), ("memcached://a:0", "1 to 65535"),
    ("memcached://a:65536", "1 to 65535"), ("memcached://a?wait=2", "?weight=N"),
    ("memcached://a?weight=0", "weight of a"),
    ("memcached://[::1", "bracket"), ("memcached://[::1]x", "no port"), ("memcached://u:p@a", "SASL"),
    ("memcached://a,a", "twice"), ("memcached://a b", "no host name"),
    ("memcached://a?weight=1,b?weight=1000", "too small a share"),
    ("memcached:///\(String(repeating: "s", count: 120))", "107 bytes"),
  ])
  func `what is wrong with a URL is said`(url: String, part: String) {
    let error = #expect(throws: CacheConfigurationError.self) { try MemcachedConfiguration(url: url) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  struct Change: Sendable {
    let name: String
    let apply: @Sendable (inout MemcachedConfiguration) -> Void

    init(_ name: String, _ apply: @escaping @Sendable (inout MemcachedConfiguration) -> Void) {
      self.name = name
      self.apply = apply
    }
  }

  @Test(arguments: [
    Change("namespace") { $0.namespace = "" }, Change("namespace") { $0.namespace = "a b" },
    Change("namespace") { $0.namespace = String(repeating: "n", count: 65) },
    Change("timeout") { $0.timeout = .zero }, Change("connectTimeout") { $0.connectTimeout = .seconds(-1) },
    Change("responseTimeout") { $0.responseTimeout = .seconds(4000) },
    Change("deadTimeout") { $0.deadTimeout = .milliseconds(1) }, Change("workersPerHost") { $0.workersPerHost = 0 },
    Change("maximumQueueLength") { $0.maximumQueueLength = 0 }, Change("batchSize") { $0.batchSize = 257 },
    Change("failureThreshold") { $0.failureThreshold = 0 }, Change("itemSizeLimit") { $0.itemSizeLimit = 10 },
    Change("maximumQueuedBytes") { $0.maximumQueuedBytes = 2048 }, Change("hosts") { $0.hosts = [] },
    Change("maximumValueSize") {
      $0.itemSizeLimit = 1024
      $0.maximumValueSize = 1 << 30
    },
  ])
  func `nonsense is refused by name`(change: Change) throws {
    var configuration = MemcachedConfiguration()
    try configuration.validate()
    change.apply(&configuration)
    let error = #expect(throws: CacheConfigurationError.self) { try configuration.validate() }
    #expect(error?.message.hasPrefix(change.name) == true, "\(error?.message ?? "")")
  }
}
