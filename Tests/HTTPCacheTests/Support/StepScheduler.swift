//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting

/// Runs tasks on one thread, one step at a time, in an order that a seed decides, so that what happens depends on the seed
/// alone; and nothing happens but when it is told to go on.
///
/// A step of a task that would go to the shared pool of threads waits here instead, if it is something that runs here that
/// has made it ready. That is what the runtime has `swift_task_enqueueGlobal_hook` for; other threads are not concerned.
/// `Task.yield()` and `Task.sleep` do not come by this way: nothing that runs here may call them.
final class StepScheduler: @unchecked Sendable {
  // @unchecked: only the thread that it is current on reaches it.
  private typealias Enqueue = @convention(thin) (UnownedJob) -> Void
  private typealias Hook = @convention(thin) (UnownedJob, Enqueue) -> Void

  /// In which order the steps that are ready are taken: no pool promises any.
  private enum Order {
    case first
    case last
    case any
  }

  private var steps: [UnownedJob] = []
  private var generator: SplitMix64
  private let order: Order

  init(seed: UInt64) {
    generator = SplitMix64(seed: ~seed)
    // Half of all in any order.
    order = [.any, .first, .any, .last][Int(generator.next() % 4)]
  }

  /// Runs `body` on a thread of its own.
  static func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Swift.Result { try body() }) }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// Calls `body`: the tasks that it makes wait here, and so do theirs.
  ///
  /// - Throws: What `body` throws.
  func perform<Result>(_ body: () throws -> Result) throws -> Result {
    guard Self.isInstalled else { throw Unsupported() }
    precondition(Self.current == nil)
    pthread_setspecific(Self.currentKey, Unmanaged.passUnretained(self).toOpaque())
    defer { pthread_setspecific(Self.currentKey, nil) }
    return try body()
  }

  /// This runtime has no such hook.
  struct Unsupported: Error {}

  /// Whether the caller runs here.
  var isCurrent: Bool { Self.current === self }

  /// Goes on by up to `limit` steps, those included that become ready meanwhile.
  ///
  /// - Returns: Whether nothing is ready any more.
  @discardableResult
  func run(atMost limit: Int) -> Bool {
    precondition(isCurrent)
    for _ in 0..<limit {
      guard !steps.isEmpty else { return true }
      let step: UnownedJob
      switch order {
      case .first: step = steps.removeFirst()
      case .last: step = steps.removeLast()
      case .any:
        steps.swapAt(Int.random(in: steps.indices, using: &generator), steps.count - 1)
        step = steps.removeLast()
      }
      // On no actor: the pool's own threads say so by two zeros.
      step.runSynchronously(on: unsafeBitCast((0, 0), to: UnownedSerialExecutor.self))
    }
    return steps.isEmpty
  }

  // MARK: The runtime

  private static let currentKey: pthread_key_t = {
    var key = pthread_key_t()
    let code = pthread_key_create(&key, nil)
    precondition(code == 0, "pthread_key_create failed with \(code)")
    return key
  }()

  private static var current: StepScheduler? {
    // Unretained: perform(_:) keeps it while it is current.
    pthread_getspecific(currentKey).map { Unmanaged<StepScheduler>.fromOpaque($0).takeUnretainedValue() }
  }

  /// One word is written, once: whoever makes something ready at the same time finds the hook, or none, and either way the
  /// pool gets it.
  private static let isInstalled: Bool = {
    guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "swift_task_enqueueGlobal_hook") else { return false }
    let hook: Hook = { step, enqueue in
      guard let current = StepScheduler.current else { return enqueue(step) }
      current.steps.append(step)
    }
    symbol.assumingMemoryBound(to: Hook?.self).pointee = hook
    return true
  }()
}
