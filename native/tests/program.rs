//! The program, run as its users run it.
//!
//! One binary for all of it, since each one takes as long to link as the program
//! itself. Only what makes a test for each volume of a table has its own.

mod changing;
mod checksum;
mod command_line;
mod compress;
mod containers;
mod convert;
mod damage;
mod damaged_frames;
mod damaged_images;
mod damaged_volumes;
mod devices;
mod direct;
mod discard;
mod drivers;
mod finishing;
mod full_disk;
mod in_use;
mod info;
mod inputs;
mod interrupt;
mod jobs;
mod map;
mod map_command;
mod map_disk;
mod mapfile;
mod mounted;
mod opening;
mod original_report;
mod output;
mod overwrite;
mod partclone;
mod partitions;
mod paths;
mod pieces;
mod progress;
mod read_back;
mod recipes;
mod reflink;
mod rescue;
mod rescue_cut_short;
mod rescue_matrix;
mod rescued_images;
mod restore;
mod small_machines;
mod sparse;
mod split;
mod support;
mod used_clusters;
mod verify;
mod verify_against;
