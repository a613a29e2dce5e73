//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// This file is also part of the fuzzer, which is compiled together with the library (scripts/fuzz.sh).
#if !FUZZING
  import Foundation
#endif

/// The values and replies of a store, made of anything. The first byte of an input says what the rest is.
public protocol StoreFuzzTarget {
  /// The name of the target, and of the folder with its inputs.
  static var name: String { get }

  /// Traps when a property does not hold.
  static func run(_ kind: UInt8?, _ rest: [UInt8])
}

extension StoreFuzzTarget {
  /// Traps when a property does not hold.
  public static func run(_ input: Span<UInt8>) {
    let bytes = input.withUnsafeBufferPointer(Array.init)
    run(bytes.first, Array(bytes.dropFirst()))
  }

  #if !FUZZING
    /// Runs the target with each input that the fuzzer has found worth keeping.
    ///
    /// - Returns: The number of inputs.
    public static func replayCorpus(file: String = #filePath) throws -> Int {
      let folder = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzzing/Corpus/\(name)")
      let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      for file in files { run(Array(try Data(contentsOf: file)).span) }
      return files.count
    }
  #endif
}
