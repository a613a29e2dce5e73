//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Collects what is said, anywhere below a handler, about the response that is being made: the tags it depends on, and what
/// it invalidates.
///
/// A scope is bound to the task that calls the handler, and is inherited by all tasks that the handler makes (but not by
/// detached ones). It is open until the response's body has ended.
final class TagScope: Sendable {
  @TaskLocal static var current: TagScope?

  /// How many scopes are open in this process. While there is none, as in a process that serves hits only, nobody need ask
  /// for the current one, which takes longer than one load.
  private static let openCount = Atomic<Int>(0)

  /// How many tags are collected at most. Policies permit far fewer.
  static let limit = 4096

  fileprivate struct State {
    var names: [String] = []
    var known: Set<String> = []
    var isOverfull = false
    var isOpen = true
    var isHandedOver = false
    /// Whether tags that come from now on are too late.
    var isSealed = false
    var hasLateTags = false
    /// The scopes of handlers that wait for this response, to make one of their own of it.
    var outer: [TagScope] = []
    var invalidations: [CacheInvalidation] = []
    /// Set when the handler has ended: who carries out what comes later, or, after a failure, nobody.
    var isDecided = false
    var carrier: (any InvalidationCarrier)?
  }

  /// The address of the state, retained, once there is something to keep in it: of most responses nothing is ever said, and
  /// their scopes take no lock. Before, 0 for a scope that is open and 1 for one that is closed. Never changes once it is an
  /// address.
  private let stateAddress = Atomic<UInt>(0)
  private static let closed: UInt = 1

  /// Whether anything has been said yet.
  private let hasContent = Atomic(false)

  private let isAmbient: Bool

  /// - Parameter isAmbient: Whether a handler may be in it. If not, only the cache itself adds tags.
  init(isAmbient: Bool = true) {
    self.isAmbient = isAmbient
    if isAmbient { Self.openCount.add(1, ordering: .relaxed) }
  }

  deinit {
    end()
    Self.storage(at: stateAddress.load(ordering: .acquiring))?.release()
  }

  // MARK: State

  private static func storage(at address: UInt) -> Unmanaged<Locked<State>.Storage>? {
    address == closed ? nil : UnsafeRawPointer(bitPattern: address).map { Unmanaged.fromOpaque($0) }
  }

  /// The state; nil when there is none so far.
  private var state: Locked<State>? {
    Self.storage(at: stateAddress.load(ordering: .acquiring)).map { Locked(sharing: $0.takeUnretainedValue()) }
  }

  /// The state, made if there is none; nil when the scope has been closed without any: then nobody listens.
  private func makeState() -> Locked<State>? {
    let address = stateAddress.load(ordering: .acquiring)
    guard address == 0 else { return state }
    let made = Unmanaged.passRetained(Locked(State()).storage)
    let (exchanged, _) = stateAddress.compareExchange(
      expected: 0, desired: UInt(bitPattern: made.toOpaque()), ordering: .acquiringAndReleasing)
    if !exchanged { made.release() }
    return state
  }

  // MARK: Where one is

  /// The scope that the caller is in; nil when it is in none.
  static var ambient: TagScope? {
    // Relaxed: the scopes a task could be in were opened in this task, or before it was made.
    openCount.load(ordering: .relaxed) == 0 ? nil : current
  }

  /// Tells the scope that the caller is in, if it is in one, of the tags of something that its response will be made of.
  @inline(__always)
  static func bubble(_ tags: CacheTags?) {
    guard let tags, openCount.load(ordering: .relaxed) != 0 else { return }
    current?.add(tags.names)
  }

  /// Calls `body` in this scope.
  func bind<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    guard isAmbient else { return try await body() }
    return try await Self.$current.withValue(self, operation: body)
  }

  /// Calls `body`, which makes a task, in this scope: then so is the task, from its beginning to its end.
  func enter<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard isAmbient else { return try body() }
    return try Self.$current.withValue(self, operation: body)
  }

  // MARK: Tags

  /// Adds tags, here and in the scopes further out.
  func add(_ names: [String]) {
    guard !names.isEmpty else { return }
    hasContent.store(true, ordering: .releasing)
    let outer = makeState()?.withLock { state -> [TagScope] in
      guard state.isOpen else { return [] }
      state.add(names)
      return state.outer
    }
    for scope in outer ?? [] { scope.add(names) }
  }

  /// Another response is being made of this one: its scope gets all tags, those that are here and those that will be.
  func forward(to scope: TagScope) {
    guard scope !== self else { return }
    hasContent.store(true, ordering: .releasing)
    let names = makeState()?.withLock { state -> [String] in
      if state.isOpen, !state.outer.contains(where: { $0 === scope }) { state.outer.append(scope) }
      return state.names
    }
    scope.add(names ?? [])
  }

  /// Whether there are certainly no tags, no invalidations and no scopes further out so far.
  var isEmpty: Bool { !hasContent.load(ordering: .acquiring) }

  /// The tags so far.
  var tags: CacheTags? {
    guard !isEmpty, let names = state?.withLock({ $0.names }), !names.isEmpty else { return nil }
    return CacheTags(names)
  }

  /// What `policy` has against the tags so far.
  func violation(of policy: TagPolicy) -> CacheTagError? {
    guard !isEmpty, let state else { return nil }
    let (names, isOverfull, hasLateTags) = state.withLock { ($0.names, $0.isOverfull, $0.hasLateTags) }
    if isOverfull { return CacheTagError("more than \(Self.limit) tags: at most \(policy.maximumCount) are permitted") }
    if hasLateTags {
      return CacheTagError(
        "tags were added while the body was under way: add them before the handler returns, or permit them with tags.ambience"
      )
    }
    return policy.violation(in: names)
  }

  /// From now on, tags are too late: they make the response one that must not be stored.
  func seal() { makeState()?.withLock { $0.isSealed = true } }

  /// The handler is called once more: what the first call said was about a response that nobody got.
  func restart() {
    state?.withLock { state in
      state.names = []
      state.known = []
      state.isOverfull = false
      state.invalidations = []
      state.isDecided = false
      state.carrier = nil
      state.isHandedOver = false
    }
  }

  /// The body goes to its reader without being stored, and past this cache: when it ends is for the handlers further out to
  /// say.
  func handOver() { makeState()?.withLock { $0.isHandedOver = true } }

  /// The body has ended, unless it has been handed over: what is said now is about nothing.
  func close() { end(unlessHandedOver: true) }

  /// Closes the scope if nothing has been said that would have to be kept: then nothing is listened to from now on.
  ///
  /// - Returns: Whether this has closed it.
  func closeIfEmpty() -> Bool {
    let (exchanged, _) = stateAddress.compareExchange(
      expected: 0, desired: Self.closed, ordering: .acquiringAndReleasing)
    if exchanged, isAmbient { Self.openCount.subtract(1, ordering: .relaxed) }
    return exchanged
  }

  private func end(unlessHandedOver: Bool = false) {
    guard !closeIfEmpty(), let state else { return }
    let wasOpen = state.withLock { state in
      guard state.isOpen, !(unlessHandedOver && state.isHandedOver) else { return false }
      state.isOpen = false
      if !state.outer.isEmpty { state.outer = [] }
      state.carrier = nil
      return true
    }
    if wasOpen, isAmbient { Self.openCount.subtract(1, ordering: .relaxed) }
  }

  // MARK: Invalidations

  /// Has `invalidation` carried out once the handler has succeeded.
  func invalidate(_ invalidation: CacheInvalidation) {
    hasContent.store(true, ordering: .releasing)
    let carrier = makeState()?.withLock { state -> (any InvalidationCarrier)? in
      if !state.isDecided { state.invalidations.append(invalidation) }
      return state.carrier
    }
    carrier?.carryOutLate(invalidation, of: self)
  }

  /// The handler has succeeded.
  ///
  /// - Parameter carrier: Carries out what is yet to come, while the body is under way.
  /// - Returns: What is to be carried out now.
  func succeeded(_ carrier: any InvalidationCarrier) -> [CacheInvalidation] {
    makeState()?.withLock { state in
      state.isDecided = true
      state.carrier = carrier
      guard !state.invalidations.isEmpty else { return [] }
      defer { state.invalidations = [] }
      return state.invalidations
    } ?? []
  }

  /// The handler has failed: nothing of what it said is carried out.
  func failed() {
    makeState()?.withLock { state in
      state.isDecided = true
      state.invalidations = []
    }
  }

  /// The scopes further out.
  var outer: [TagScope] { state?.withLock { $0.outer } ?? [] }
}

extension TagScope.State {
  fileprivate mutating func add(_ new: [String]) {
    for name in new where !name.isEmpty {
      guard names.count < TagScope.limit else {
        isOverfull = true
        return
      }
      guard known.insert(name).inserted else { continue }
      names.append(name)
      if isSealed { hasLateTags = true }
    }
  }
}
