//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension MemcachedConfiguration {
  /// Refuses what makes no sense.
  ///
  /// - Throws: ``CacheConfigurationError`` that names the property, its value, and what would be right.
  public func validate() throws(CacheConfigurationError) {
    try validateHosts()
    guard (1...64).contains(namespace.utf8.count), namespace.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw CacheConfigurationError(
        "namespace is \"\(namespace)\": give 1 to 64 visible ASCII characters, without spaces")
    }
    let durations: [(name: String, value: Duration)] = [
      ("timeout", timeout), ("connectTimeout", connectTimeout), ("responseTimeout", responseTimeout),
      ("retryTimeout", retryTimeout), ("deadTimeout", deadTimeout),
    ]
    for (name, value) in durations {
      guard value > .zero, value <= .seconds(3600) else {
        throw CacheConfigurationError("\(name) is \(value): give more than zero and at most an hour")
      }
    }
    guard deadTimeout >= retryTimeout else {
      throw CacheConfigurationError("deadTimeout (\(deadTimeout)) is below retryTimeout (\(retryTimeout))")
    }
    let numbers: [(name: String, value: Int, range: ClosedRange<Int>)] = [
      ("workersPerHost", workersPerHost, 1...64), ("maximumQueueLength", maximumQueueLength, 1...1_000_000),
      ("batchSize", batchSize, 1...256), ("failureThreshold", failureThreshold, 1...1_000_000),
      ("itemSizeLimit", itemSizeLimit, 1024...(1 << 30)),
      ("maximumValueSize", maximumValueSize, 1024...(1 << 31)),
      ("maximumQueuedBytes", maximumQueuedBytes, 1024...(1 << 40)),
    ]
    for (name, value, range) in numbers {
      guard range.contains(value) else {
        throw CacheConfigurationError("\(name) is \(value): give \(range.lowerBound) to \(range.upperBound)")
      }
    }
    guard maximumQueuedBytes >= min(itemSizeLimit, maximumValueSize) else {
      throw CacheConfigurationError(
        "maximumQueuedBytes (\(maximumQueuedBytes)) is below itemSizeLimit (\(itemSizeLimit)): large values could never be stored"
      )
    }
    guard (maximumValueSize - 1) / itemSizeLimit < ChunkManifest.maximumChunkCount else {
      throw CacheConfigurationError(
        "maximumValueSize (\(maximumValueSize)) would take more than \(ChunkManifest.maximumChunkCount) chunks of itemSizeLimit (\(itemSizeLimit))"
      )
    }
  }

  private func validateHosts() throws(CacheConfigurationError) {
    guard (1...100).contains(hosts.count) else {
      throw CacheConfigurationError("hosts has \(hosts.count) servers: give 1 to 100")
    }
    guard Set(hosts.map(\.address)).count == hosts.count else {
      throw CacheConfigurationError("hosts names a server twice: give it a larger weight instead")
    }
    for host in hosts {
      guard (1...10_000).contains(host.weight) else {
        throw CacheConfigurationError("the weight of \(host) is \(host.weight): give 1 to 10000")
      }
      switch host.address {
      case .tcp(let name, let port):
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
          throw CacheConfigurationError("\"\(name)\" is no host name")
        }
        guard (1...65535).contains(port) else {
          throw CacheConfigurationError("the port of \(name) is \(port): give 1 to 65535")
        }
      case .unixSocket(let path):
        guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
          throw CacheConfigurationError("\"\(path)\" is no socket path: give an absolute path of at most 107 bytes")
        }
      }
    }
    // Weighted ketama gives a host 40 groups of points times its share times the number of hosts, rounded down.
    let total = hosts.reduce(0) { $0 + $1.weight }
    for host in hosts where host.weight * 40 * hosts.count < total {
      throw CacheConfigurationError(
        "the weight of \(host) is \(host.weight) of \(total): too small a share for any key to fall to it")
    }
  }
}
