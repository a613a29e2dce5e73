//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Where responses are kept, as a command line says: one store, or a near and a far one.
///
/// `memory`, `redis://127.0.0.1:6379`, `memcached://a:11211,b:11211`; `memory,redis://127.0.0.1:6379` for two tiers.
public struct BackendChoice: Sendable, CustomStringConvertible {
  /// The near store first.
  let stores: [StoreChoice]

  /// This process's memory, alone.
  public static let memory = BackendChoice(stores: [.memory])

  private init(stores: [StoreChoice]) { self.stores = stores }

  /// Reads a choice. (A comma also stands between the hosts of one memcached URL: what follows it begins a store of its own
  /// only if it looks like one.)
  ///
  /// - Throws: ``CacheConfigurationError`` that says what is wrong.
  public init(_ text: String) throws(CacheConfigurationError) {
    var pieces: [String] = []
    for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
      if pieces.isEmpty || piece.contains("://") || piece.lowercased() == "memory" {
        pieces.append(String(piece))
      } else {
        pieces[pieces.count - 1] += "," + piece
      }
    }
    var stores: [StoreChoice] = []
    for piece in pieces { stores.append(try StoreChoice(piece)) }
    guard stores.count <= 2 else {
      throw CacheConfigurationError("these are \(stores.count) stores; two work together, a near and a far one")
    }
    guard stores.dropFirst().allSatisfy({ !$0.isMemory }) else {
      throw CacheConfigurationError("memory is the nearest there is: write it first, memory,redis://HOST:PORT")
    }
    guard pieces.count < 2 || pieces[0] != pieces[1] else {
      throw CacheConfigurationError("both tiers are the same store; one is enough")
    }
    self.stores = stores
  }

  /// The choice as it would be typed, without passwords.
  public var description: String { stores.map(\.description).joined(separator: ",") }

  /// Whether other programs can use the same.
  public var isShared: Bool { stores.contains { !$0.isMemory } }

  /// Whether there are a near and a far store.
  public var hasTiers: Bool { stores.count == 2 }

  /// Whether entries of Redis are copied to a nearer store.
  public var hasNearTierBeforeRedis: Bool { hasTiers && stores[1].isRedis }

  /// Opens the store or stores.
  ///
  /// - Parameters:
  ///   - capacity: How many bytes responses may take, in memory.
  ///   - namespace: What keys begin with, in a server; nil for what the module does by default.
  ///   - tiers: How two of them work together. When the far one is Redis, programs that share it tell each other what they
  ///     have invalidated.
  ///   - watchesKeys: Whether Redis shall also report what others do to its entries.
  /// - Throws: As ``StoreChoice/open(capacity:namespace:)``.
  public func open(
    capacity: Int, namespace: String? = nil, tiers: TierConfiguration = TierConfiguration(), watchesKeys: Bool = false
  ) throws -> OpenedBackend {
    let near = try stores[0].open(capacity: capacity, namespace: namespace)
    guard stores.count == 2 else { return near }
    let far = try stores[1].open(capacity: capacity, namespace: namespace)
    let backplane = try stores[1].openBackplane(namespace: namespace, watchesKeys: watchesKeys)
    return try Self.join(near, near.backend, far, far.backend, backplane, tiers)
  }

  /// The backends are passed beside what they were opened as, so that their types are known here: whether the tiers lend
  /// leases depends on that.
  private static func join(
    _ near: OpenedBackend, _ nearBackend: some CacheBackend, _ far: OpenedBackend, _ farBackend: some CacheBackend,
    _ backplane: OpenedBackplane?, _ configuration: TierConfiguration
  ) throws -> OpenedBackend {
    let tiers = try MultiTierBackend(
      near: nearBackend, far: farBackend, backplane: backplane?.backplane, configuration: configuration)
    let listening = backplane.map { _ in Task { await tiers.run() } }
    return OpenedBackend(
      tiers, servers: near.servers + far.servers,
      closing: {
        // What waits is written first.
        await tiers.shutdown(within: .seconds(5))
        listening?.cancel()
        await backplane?.shutdown()
        await near.shutdown()
        await far.shutdown()
      })
  }
}
