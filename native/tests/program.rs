//! The program, run as its users run it.
//!
//! One binary for all of it, since each one takes as long to link as the program
//! itself. Only what makes a test for each volume of a table has its own.

mod checksum;
mod command_line;
mod compress;
mod damaged_frames;
mod damaged_images;
mod devices;
mod direct;
mod discard;
mod full_disk;
mod info;
mod inputs;
mod interrupt;
mod map;
mod map_command;
mod mapfile;
mod mounted;
mod opening;
mod output;
mod overwrite;
mod partitions;
mod pieces;
mod progress;
mod read_back;
mod recipes;
mod reflink;
mod rescue;
mod rescued_images;
mod restore;
mod sparse;
mod support;
mod tasks;
mod used_clusters;
mod verify;
mod verify_against;
