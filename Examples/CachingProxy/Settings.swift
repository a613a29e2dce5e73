//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import HTTPCache

/// The settings of a caching proxy; its defaults are those of the program. ``ProxyOptions`` sets them by a command line.
struct Settings {
  /// The server to cache; nil for the demo's.
  var origin: OriginURL?
  var listen = Endpoint("127.0.0.1", 8080)
  /// Where metrics are served; nil for nowhere.
  var metrics: Endpoint?
  var threads = EventLoopGroup.defaultCount
  /// The proxy's name in `Via` and `Cache-Status`.
  var name = "swift-http-cache"

  var backend = BackendChoice.memory
  /// The beginning of keys in Redis or memcached; nil for the library's.
  var namespace: String?
  var tiers = TierConfiguration()
  /// Whether Redis reports what others do to its entries.
  var watchesKeys = false
  /// The bytes that responses may take in memory.
  var capacity = 256 << 20
  var policy = Self.defaultPolicy

  var server = Self.defaultServer
  var client = UpstreamClient.Configuration()

  var preservesHost = false
  var trustedProxies = TrustedProxies.none
  var hosts = PermittedHosts.any
  var allowsUnderscores = false
  var allowsTrace = false
  var trailers = PermittedTrailers.standard

  var logs = false
  var isQuiet = false

  /// A warning if so few files may be open that not all connections can be; nil if they can.
  ///
  /// - Parameter limit: How many may be open.
  func warning(ofOpenFileLimit limit: Int) -> String? {
    // Beside the connections: copies of large bodies that the kernel sends from (1,024 at most), event loops, stores.
    let needed = server.maximumConnections + client.maximumConnections + 1_200
    guard limit < needed else { return nil }
    return "\(limit) files may be open, and --connections \(server.maximumConnections) with --origin-connections "
      + "\(client.maximumConnections) may need \(needed): raise the hard limit (ulimit -Hn, LimitNOFILE=), or lower --connections"
  }

  private static var defaultPolicy: CachePolicy {
    // No lifetime but the response's own, unless the command line gives one.
    var policy = CachePolicy(timeToLive: nil, negativeTimeToLive: nil)
    policy.maximumBodySize = 8 << 20
    policy.waitLimit = .seconds(10)
    policy.slowCallLimit = .milliseconds(2500)
    // Anybody may ask a proxy for anything: a fresh response is not fetched again because a client demands it.
    policy.respectsRequestDirectives = false
    return policy
  }

  private static var defaultServer: HTTPServer.Configuration {
    var server = HTTPServer.Configuration()
    server.limits.body = 1 << 30
    // A client that has sent all it has to say still gets its response.
    server.treatsHalfCloseAsDisconnect = false
    return server
  }
}
