//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("What the fuzzer has found worth keeping")
  struct Corpus {
    /// `Tests/Fuzzing/Corpus`, beside the sources that are being tested.
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fuzzing/Corpus")

    @Test(arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
      let files = try FileManager.default.contentsOfDirectory(
        at: Self.directory.appending(path: target.rawValue), includingPropertiesForKeys: nil)
      #expect(!files.isEmpty)
      for file in files { target.run(Array(try Data(contentsOf: file)).span) }
    }

    /// The same targets with inputs made up without guidance: other ones in each place, the same in each run.
    @Test(arguments: FuzzTarget.allCases)
    func random(target: FuzzTarget) {
      var generator = SplitMix64(seed: 11)
      let alphabet = Array("\"\\,;= ()-/*:?@%&+\n\t\u{0}\u{E9}bytesWq.109aGMTCache-Controlmax".utf8)
      for _ in 0..<300 {
        let count = Int.random(in: 0...120, using: &generator)
        let input = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        target.run(input.span)
      }
    }
  }
}
