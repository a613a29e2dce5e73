//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RedisConfiguration {
  /// How the servers are organised.
  public struct Mode: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
      case single(RedisEndpoint)
      case cluster(seeds: [RedisEndpoint])
      case sentinel(master: String, sentinels: [RedisEndpoint], credentials: RedisCredentials?)
    }

    let kind: Kind

    /// One server.
    public static func single(_ endpoint: RedisEndpoint = .tcp()) -> Mode { Mode(kind: .single(endpoint)) }

    /// A Redis Cluster, of which some nodes are known; the others are learned from them.
    public static func cluster(seeds: [RedisEndpoint]) -> Mode { Mode(kind: .cluster(seeds: seeds)) }

    /// A master that is watched by Redis Sentinels, which say where it is.
    ///
    /// - Parameters:
    ///   - master: The name under which the sentinels know it.
    ///   - sentinels: Where they listen.
    ///   - credentials: Who one is to the sentinels; they need not be the same as for the servers.
    public static func sentinel(
      master: String, sentinels: [RedisEndpoint], credentials: RedisCredentials? = nil
    ) -> Mode {
      Mode(kind: .sentinel(master: master, sentinels: sentinels, credentials: credentials))
    }
  }
}
