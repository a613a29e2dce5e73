// swift-tools-version: 6.2
//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import PackageDescription

/// One set of settings for every target, so that no target is held to less than another.
/// Set `HTTP_CACHE_STRICT=1` (the project's own scripts and CI do) to make every warning an error;
/// dependents never pay for that.
let strict = Context.environment["HTTP_CACHE_STRICT"] == "1"

var settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
if strict {
  settings.append(.treatAllWarnings(as: .error))
}

/// Where the C libraries are: Homebrew's folder is not searched by itself, the system's folders on Linux are. There, asking
/// pkg-config would only add a warning about flags that SwiftPM does not pass on.
#if os(macOS)
  let (hiredis, libmemcached): (String?, String?) = ("hiredis", "libmemcached")
#else
  let (hiredis, libmemcached): (String?, String?) = (nil, nil)
#endif

let package = Package(
  name: "swift-http-cache",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "HTTPCache", targets: ["HTTPCache"]),
    .library(name: "HTTPCacheTesting", targets: ["HTTPCacheTesting"]),
    .library(name: "HTTPCacheRedis", targets: ["HTTPCacheRedis"]),
    .library(name: "HTTPCacheMemcached", targets: ["HTTPCacheMemcached"]),
    .executable(name: "basic-server", targets: ["basic-server"]),
    .executable(name: "custom-policy-server", targets: ["custom-policy-server"]),
    .executable(name: "multi-tier-server", targets: ["multi-tier-server"]),
    .executable(name: "redis-server", targets: ["redis-server"]),
    .executable(name: "memcached-server", targets: ["memcached-server"]),
    .executable(name: "caching-proxy", targets: ["caching-proxy"]),
    .executable(name: "http-cache-benchmarks", targets: ["http-cache-benchmarks"]),
    .executable(name: "http-cache-trace", targets: ["http-cache-trace"]),
  ],
  targets: [
    .target(
      name: "HTTPCache", dependencies: ["CChecksum", "CCompilerBarrier", "CRequestSampling"], swiftSettings: settings),
    .target(name: "CChecksum"),
    .target(name: "CCompilerBarrier"),
    .target(name: "CRequestSampling"),
    .target(name: "HTTPCacheTesting", dependencies: ["HTTPCache"], swiftSettings: settings),

    // Redis. Debian and Ubuntu: libhiredis-dev; Homebrew: hiredis.
    .systemLibrary(name: "CHiredis", pkgConfig: hiredis, providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
    .target(name: "HTTPCacheRedis", dependencies: ["HTTPCache", "CHiredis"], swiftSettings: settings),
    // Memcached. Debian and Ubuntu: libmemcached-dev; Homebrew: libmemcached.
    .systemLibrary(
      name: "CMemcached", pkgConfig: libmemcached,
      providers: [.apt(["libmemcached-dev"]), .brew(["libmemcached"])]),
    .target(name: "HTTPCacheMemcached", dependencies: ["HTTPCache", "CMemcached"], swiftSettings: settings),

    // The example servers. They hold no cache logic; `ExampleSupport` is a small HTTP/1.1 server and client.
    .target(name: "CEventLoop", path: "Examples/CEventLoop"),
    .target(
      name: "ExampleSupport", dependencies: ["HTTPCache", "CEventLoop"], path: "Examples/Support",
      swiftSettings: settings),
    // The choice of a backend by its URL, apart from what needs no library in C.
    .target(
      name: "ExampleBackends", dependencies: ["HTTPCache", "HTTPCacheRedis", "HTTPCacheMemcached", "ExampleSupport"],
      path: "Examples/Backends", swiftSettings: settings),
    .executableTarget(
      name: "basic-server", dependencies: ["HTTPCache", "ExampleSupport"], path: "Examples/BasicServer",
      swiftSettings: settings),
    .executableTarget(
      name: "custom-policy-server", dependencies: ["HTTPCache", "ExampleSupport"],
      path: "Examples/CustomPolicyServer", swiftSettings: settings),
    .executableTarget(
      name: "multi-tier-server", dependencies: ["HTTPCache", "ExampleSupport", "ExampleBackends"],
      path: "Examples/MultiTierServer", swiftSettings: settings),
    .executableTarget(
      name: "redis-server", dependencies: ["HTTPCache", "HTTPCacheRedis", "ExampleSupport", "ExampleBackends"],
      path: "Examples/RedisServer", swiftSettings: settings),
    .executableTarget(
      name: "memcached-server", dependencies: ["HTTPCache", "HTTPCacheMemcached", "ExampleSupport", "ExampleBackends"],
      path: "Examples/MemcachedServer", swiftSettings: settings),
    .executableTarget(
      name: "caching-proxy", dependencies: ["HTTPCache", "ExampleSupport", "ExampleBackends"],
      path: "Examples/CachingProxy", swiftSettings: settings),

    // The benchmark executable, with a harness of its own.
    .target(name: "CAllocationCounter", path: "Benchmarks/CAllocationCounter"),
    .executableTarget(
      name: "http-cache-benchmarks",
      dependencies: [
        "HTTPCache", "HTTPCacheRedis", "CHiredis", "HTTPCacheMemcached", "CMemcached", "ServerHarness",
        "CAllocationCounter", "TraceReplay",
      ],
      path: "Benchmarks/HTTPCacheBenchmarks", swiftSettings: settings),

    // Recorded traces: looked into, converted, replayed.
    .target(
      name: "TraceReplay", dependencies: ["HTTPCache"], path: "Benchmarks/TraceReplay", swiftSettings: settings),
    .executableTarget(
      name: "http-cache-trace", dependencies: ["HTTPCache", "TraceReplay"], path: "Benchmarks/HTTPCacheTrace",
      swiftSettings: settings),
    .testTarget(
      name: "HTTPCacheTraceTests", dependencies: ["HTTPCache", "TraceReplay", "http-cache-trace"],
      swiftSettings: settings),

    .testTarget(
      name: "HTTPCacheTests", dependencies: ["HTTPCache", "HTTPCacheTesting", "CChecksum"], exclude: ["Golden"],
      swiftSettings: settings),
    .testTarget(
      name: "ExampleSupportTests",
      dependencies: [
        "HTTPCache", "HTTPCacheTesting", "ExampleSupport", "ExampleBackends", "CEventLoop", "caching-proxy",
      ],
      swiftSettings: settings),
    // Starts real servers for the tests of what talks to them.
    .target(name: "CHeapUse", path: "Tests/CHeapUse"),
    .target(name: "ServerHarness", dependencies: ["CHeapUse"], path: "Tests/ServerHarness", swiftSettings: settings),
    // Hurts those servers under load. A program for users, and shortened in tests.
    .target(
      name: "FaultHarness", dependencies: ["HTTPCache", "HTTPCacheRedis", "HTTPCacheMemcached", "ServerHarness"],
      path: "Tests/FaultHarness", swiftSettings: settings),
    .executableTarget(
      name: "fault-check", dependencies: ["FaultHarness"], path: "Benchmarks/FaultCheck", swiftSettings: settings),
    .testTarget(
      name: "FaultTests",
      dependencies: [
        "HTTPCache", "HTTPCacheTesting", "HTTPCacheRedis", "HTTPCacheMemcached", "FaultHarness", "ServerHarness",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "HTTPCacheRedisTests", dependencies: ["HTTPCache", "HTTPCacheTesting", "HTTPCacheRedis", "ServerHarness"],
      swiftSettings: settings),
    .testTarget(
      name: "HTTPCacheMemcachedTests",
      dependencies: ["HTTPCache", "HTTPCacheTesting", "HTTPCacheMemcached", "ServerHarness"], swiftSettings: settings),
  ]
)
