//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import ExampleSupport
internal import HTTPCache
public import HTTPCacheMemcached
public import HTTPCacheRedis

extension OptionKind where Value == BackendChoice {
  /// One store, or a near and a far one: `memory,redis://127.0.0.1:6379`.
  public static var backend: OptionKind {
    .configured({ text throws(CacheConfigurationError) in try BackendChoice(text) }) { $0.description }
  }
}

extension OptionKind where Value == StoreChoice {
  /// One store: `memory`, `redis://127.0.0.1:6379`, `memcached://127.0.0.1:11211`.
  public static var store: OptionKind {
    .configured({ text throws(CacheConfigurationError) in try StoreChoice(text) }) { $0.description }
  }
}

extension OptionKind where Value == RedisConfiguration {
  /// A Redis server: `redis://user:password@host:port/database`, `unix:///path`.
  public static var redis: OptionKind {
    .configured({ text throws(CacheConfigurationError) in try RedisConfiguration(url: text) }) { _ in
      "redis://127.0.0.1:6379"
    }
  }
}

extension OptionKind where Value == MemcachedConfiguration {
  /// Memcached servers: `memcached://host:port,host:port`.
  public static var memcached: OptionKind {
    .configured({ text throws(CacheConfigurationError) in try MemcachedConfiguration(url: text) }) { configuration in
      "memcached://" + configuration.hosts.map(\.description).joined(separator: ",")
    }
  }
}

extension OptionKind {
  fileprivate static func configured(
    _ read: @escaping @Sendable (String) throws(CacheConfigurationError) -> Value,
    describe: @escaping @Sendable (Value) -> String
  ) -> OptionKind {
    OptionKind(
      parse: { text, name throws(CommandLineError) in
        do throws(CacheConfigurationError) {
          return try read(text)
        } catch {
          throw CommandLineError("--\(name): \(error)")
        }
      }, describe: describe)
  }
}
