//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A limit of concurrent calls that follows what the origin can take. Pure: samples in, limit out.
///
/// Little's law, used as TCP Vegas does (Brakmo and Peterson, 1994): while the latency stays near the lowest, more calls
/// at a time cost nothing, so the limit grows; when it rises, calls are queueing at the origin, and the limit shrinks
/// towards what would have taken the lowest latency. Calls are judged in windows of at least ``windowSize``, by their
/// median, so that single slow ones mean nothing. Failures shrink it by a fifth.
///
/// The lowest latency is that of the last ``memory`` windows. So that a long overload does not pass for normal, the limit
/// is halved for one window in each ``memory``, to see what the latency is when there is less to do.
public struct AdaptiveLimit: Sendable {
  /// How many calls make a window at least.
  public static let windowSize = 16
  /// How many windows the lowest latency is sought in.
  public static let memory = 32

  private let minimum: Int
  private let maximum: Int
  private var value: Double
  private var samples: [Int64] = []
  private var failures = 0
  private var highestRunning = 0
  private var medians: [Int64] = []
  private var windowCount = 0
  private var limitBeforeProbe: Double?

  /// - Parameters:
  ///   - minimum: What it never falls below.
  ///   - maximum: What it never rises above.
  public init(minimum: Int, maximum: Int) {
    self.minimum = minimum
    self.maximum = maximum
    value = Double(minimum)
    samples.reserveCapacity(Self.windowSize)
  }

  /// How many calls there may be at a time.
  public var limit: Int { Swift.max(minimum, Swift.min(maximum, Int(value))) }

  /// A call has ended.
  ///
  /// - Parameters:
  ///   - latency: How long it took.
  ///   - isFailure: Whether it failed, or the origin said that it could not.
  ///   - running: How many calls there were when it ended, itself included.
  public mutating func add(latency: Duration, isFailure: Bool, running: Int) {
    highestRunning = Swift.max(highestRunning, running)
    if isFailure { failures += 1 } else { samples.append(latency.clampedNanoseconds) }
    if samples.count + failures >= Swift.max(Self.windowSize, limit) { closeWindow() }
  }

  private mutating func closeWindow() {
    defer {
      samples.removeAll(keepingCapacity: true)
      failures = 0
      highestRunning = 0
    }
    windowCount += 1
    if let before = limitBeforeProbe {
      value = before
      limitBeforeProbe = nil
    }
    if failures * 4 > samples.count {
      value = Swift.max(Double(minimum), value * 0.8)
      return
    }
    samples.sort()
    let median = Swift.max(1, samples[samples.count / 2])
    medians.append(median)
    if medians.count > Self.memory { medians.removeFirst() }
    let lowest = medians.min() ?? median
    let ratio = Double(lowest) / Double(median)
    if ratio < 0.67 {
      // Towards the limit at which the lowest latency was possible, but not by more than a third at once.
      value = Swift.max(Double(minimum), value * Swift.max(ratio * 1.2, 0.67))
    } else if highestRunning * 2 >= limit {
      // Growing what is not used would be guessing.
      value = Swift.min(Double(maximum), value + Swift.max(1, value.squareRoot()))
    }
    if windowCount % Self.memory == 0, limit > minimum {
      limitBeforeProbe = value
      value = Swift.max(Double(minimum), value / 2)
    }
  }
}
