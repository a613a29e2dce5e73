//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Checks that a backend does what `CacheBackend` promises and the cache relies on.
///
/// ```swift
/// @Test func `my backend conforms`() async {
///   let failures = await BackendConformance { try await MyBackend.connectedToAnEmptyStore() }.run()
///   #expect(failures.isEmpty, "\(failures)")
/// }
/// ```
///
/// It needs no test framework. Every check gets a backend of its own from the factory, empty, with room for some 64 MiB.
/// A backend may refuse bodies beyond ``maximumBodySize`` and kinds of invalidation that are not in
/// ``requiredTargets``, with `CacheError.Code.unsupported`; everything else is demanded.
public struct BackendConformance: Sendable {
  /// What is checked.
  public enum Check: String, Hashable, Sendable, CaseIterable {
    /// What is stored is found, and nothing else is.
    case storing
    /// An entry takes the place of another under its key.
    case replacing
    /// What is removed is gone, and nothing else is.
    case removing
    /// An index and its variants are kept as they are; without the primary key, no variant is found.
    case variants
    /// An entry is there until its time has come, and not longer.
    case expiry
    /// Bodies of every size come back octet for octet, or are refused.
    case sizes
    /// Keys of any length and content are kept apart.
    case keys
    /// Fields and trailers come back octet for octet, in their order.
    case fields
    /// Entries come back with their tags.
    case tags
    /// What is invalidated is not found, everything else is.
    case hardInvalidation
    /// What is invalidated softly is found stale, since the invalidation; everything else is as it was.
    case softInvalidation
    /// What is invalidated while it is being made is not found afterwards, or found stale.
    case fills
    /// The synchronous requirements say the same as the others.
    case synchronous
    /// Many callers at once get what belongs to their keys, whole.
    case concurrency
    /// A caller that goes away does no harm.
    case cancellation
    /// What one node stores the other finds, what one invalidates the other does not, also while it is being made there.
    case nodes
    /// What a process that has ended has left, the next one invalidates, and what it had invalidated stays so.
    case restart
    /// One at a time holds a lease, for so long at most, and only its holder can give it back.
    case leases
  }

  /// The kinds of invalidation.
  public enum Target: String, Hashable, Sendable, CaseIterable {
    /// By key.
    case key
    /// By any of several tags.
    case anyTag
    /// By all of several tags.
    case allTags
    /// By the beginning of the path.
    case pathPrefix
    /// By a predicate.
    case matching
    /// Everything.
    case everything
  }

  /// A store as ready for a check.
  public typealias Factory = @Sendable () async throws -> any CacheBackend
  /// Another backend on the same store, as another process would have it.
  public typealias PeerFactory = @Sendable (any CacheBackend) async throws -> any CacheBackend

  /// Makes an empty backend.
  public var makeBackend: Factory
  /// Makes a second node on the store of the first; nil (the default) leaves ``Check/nodes`` out.
  public var makePeer: PeerFactory?
  /// Opens the store of a backend anew, as the next process does when the first has ended; nil (the default) leaves
  /// ``Check/restart`` out. The backend that it is given is not used any more.
  public var restart: PeerFactory?
  /// How time passes. In reality, unless said otherwise.
  public var time: ConformanceTime
  /// The size of a body that the backend must take, in bytes. 5 MiB unless said otherwise.
  public var maximumBodySize: Int
  /// The kinds of invalidation that the backend must have. All but predicates, unless said otherwise.
  public var requiredTargets: Set<Target>

  /// - Parameters: see the properties of the same names.
  public init(
    time: ConformanceTime = .real, maximumBodySize: Int = 5 << 20,
    requiredTargets: Set<Target> = Set(Target.allCases).subtracting([.matching]), makePeer: PeerFactory? = nil,
    restart: PeerFactory? = nil, makeBackend: @escaping Factory
  ) {
    self.makeBackend = makeBackend
    self.makePeer = makePeer
    self.restart = restart
    self.time = time
    self.maximumBodySize = maximumBodySize
    self.requiredTargets = requiredTargets
  }

  /// Runs the checks, one after the other.
  ///
  /// - Returns: What is wrong; nothing when the backend conforms.
  public func run(_ checks: [Check] = Check.allCases) async -> [ConformanceFailure] {
    var failures: [ConformanceFailure] = []
    for check in checks {
      let run = ConformanceRun(self, check)
      do {
        try await perform(check, run)
      } catch {
        run.fail("performing the check", "no error", "\(error)")
      }
      failures += run.failures
    }
    return failures
  }

  private func perform(_ check: Check, _ run: ConformanceRun) async throws {
    switch check {
    case .storing: try await run.checkStoring()
    case .replacing: try await run.checkReplacing()
    case .removing: try await run.checkRemoving()
    case .variants: try await run.checkVariants()
    case .expiry: try await run.checkExpiry()
    case .sizes: try await run.checkSizes()
    case .keys: try await run.checkKeys()
    case .fields: try await run.checkFields()
    case .tags: try await run.checkTags()
    case .hardInvalidation: try await run.checkInvalidation(.hard)
    case .softInvalidation: try await run.checkInvalidation(.soft)
    case .fills: try await run.checkFills()
    case .synchronous: try await run.checkSynchronous()
    case .concurrency: try await run.checkConcurrency()
    case .cancellation: try await run.checkCancellation()
    case .nodes: try await run.checkNodes()
    case .restart: try await run.checkRestart()
    case .leases: try await run.checkLeases()
    }
  }
}
